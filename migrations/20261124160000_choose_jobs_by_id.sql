-- apalis notes the end of a job by its id and by who held it. From statistics of lock_by the planner takes a worker that
-- started since they were gathered for one that holds next to nothing, goes by its name, and reads every job it ever did.
-- Without them it goes by id.
alter table apalis.jobs alter column lock_by set statistics 0;
