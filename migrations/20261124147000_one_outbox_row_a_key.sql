-- One row for each thing that is published: changed again before it was sent, it waits once. A run is published with its
-- results, so results have no rows of their own any more.

delete from outbox where aggregate = 'result';
delete from outbox o using outbox newer
where newer.aggregate = o.aggregate and newer.aggregate_id = o.aggregate_id and newer.id > o.id;
-- Rows of runs are now about what readers see, by its own version; the backfill writes them for runs that ended before.
delete from outbox where aggregate = 'run';

alter table outbox drop constraint outbox_aggregate_check;
alter table outbox add constraint outbox_aggregate_check
    check (aggregate in ('run', 'upvote', 'user', 'comment', 'chat_log', 'price'));
alter table outbox drop column payload;
alter table outbox rename column created_at to queued_at;                    -- since when what is unsent waits
alter table outbox
    add column attempts int not null default 0 check (attempts >= 0),       -- that failed since it was queued
    add column next_try_at timestamptz,                                      -- null: at once
    add column error text;                                                   -- of the last attempt
create unique index outbox_key on outbox (aggregate, aggregate_id);
drop index outbox_unsent;
create index outbox_unsent on outbox (queued_at, id) where sent_at is null;

-- So that runs are looked for by what they are called to readers, and by who asked for them.
create index published_results_of_result on published_results (result_id) where result_id is not null;
