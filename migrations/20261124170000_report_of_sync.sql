-- Whoever publishes leaves a last word too.
alter table chore_reports drop constraint chore_reports_chore_check;
alter table chore_reports add constraint chore_reports_chore_check check (chore in ('reaper', 'sync'));
