insert into syncer.certificates (
    run_id, tenant_id, listing, walk, parents, total, distinct_ids, requests,
    inserted, updated, deleted, unchanged, proof, reason, notes, read_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, nullif($14, ''), nullif($15::jsonb, 'null'), $16)
