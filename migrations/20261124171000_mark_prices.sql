-- Answers about prices and costs carry a mark too, so changes of prices raise one, and so does each result of a run that still
-- goes on: readers see it in what it costs, and not yet in what is published.
alter table data_versions drop constraint data_versions_scope_check;
alter table data_versions add constraint data_versions_scope_check
    check (scope in ('results', 'community', 'prices', 'measured'));
insert into data_versions (scope) values ('prices'), ('measured');

create constraint trigger latest_prices_changed after insert or update or delete
    on latest_prices deferrable initially deferred for each row execute function raise_data_version('prices');
create constraint trigger benchmark_results_changed after insert or delete or update of superseded_at
    on benchmark_results deferrable initially deferred for each row execute function raise_data_version('measured');
