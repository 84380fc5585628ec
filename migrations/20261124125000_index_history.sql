-- What was measured of a model on an engine, newest first: predictions of other runs are made from it.
create index workflow_runs_history on workflow_runs (engine, model, finished_at desc) where status = 'succeeded';
