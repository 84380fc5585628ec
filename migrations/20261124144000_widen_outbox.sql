-- More than runs is published: people, comments, votes, conversations, prices. A row says what changed, never what it
-- changed to: who sends it reads the row as it is by then.

alter table outbox drop constraint outbox_aggregate_check;
alter table outbox add constraint outbox_aggregate_check
    check (aggregate in ('run', 'result', 'upvote', 'user', 'comment', 'chat_log', 'price'));
alter table outbox alter column version type bigint;
