-- apalis looks at each heartbeat of each worker for jobs that silent workers hold, by joining workers and jobs. Without
-- this index that reads every job that any of them ever finished.
create index apalis_jobs_held on apalis.jobs (lock_by) where status = 'Running' or status = 'Queued';
