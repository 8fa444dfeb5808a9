create schema if not exists {queue};
comment on schema {queue} is 'The queue of syncer serve: tables of River (riverqueue.com).';
