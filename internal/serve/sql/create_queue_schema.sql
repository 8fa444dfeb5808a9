create schema if not exists {queue};
comment on schema {queue} is 'Job queue of syncer serve: the tables of River (riverqueue.com).';
