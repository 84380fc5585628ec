//! The cap of a schedule and day, over all runs of its matrices.

use super::*;

#[tokio::test]
async fn a_schedules_day_is_of_all_its_matrices_runs_and_of_no_others() {
    let rig = Rig::at_a_dollar_a_second().await;
    let weekly = rig.start(&spec(), None).await;
    rig.drain().await;
    let first = rig.start(&spec(), None).await;
    rig.drain().await;
    let (spent, elsewhere) = (rig.rentals(first).await[0].usd, rig.rentals(weekly).await[0].usd);
    let one = rig.start(&spec(), None).await;
    let token_of_one = rig.tokens.pop().unwrap();
    let other = rig.start(&spec(), None).await;
    let token_of_other = rig.tokens.pop().unwrap();
    // Two nights of one schedule: room for the levels of one more run, and not for two.
    let limit = spent + usd("1.7");
    rig.database
        .execute(format!(
            "insert into schedules (name, enabled, definition) values
               ('nightly', true, '{{\"budget_usd_per_day\": \"{limit}\"}}'), ('weekly', true, '{{}}');
             insert into matrices (id, schedule, tick, definition, workflow, queue, state, budget_usd, created_by, finished_at)
               select gen_random_uuid(), name, now() - n * interval '1 hour', '{{}}', '{{}}', 'steps',
                      case n when 1 then 'running' else 'done' end, 1000, 'test', case n when 1 then null else now() end
               from schedules, generate_series(1, 2) n;
             insert into matrix_cells (matrix_id, cell, cell_group, model, engine, gpu, gpu_count, priority, spec, state, run_id)
               select m.id, v.cell, 0, 'm', 'vllm', 'g', 1, 0, '{{}}', v.state, v.run::uuid
               from (values ('nightly', 'done', 0, 'done', '{first}'), ('nightly', 'running', 0, 'running', '{one}'),
                            ('nightly', 'running', 1, 'running', '{other}'), ('weekly', 'done', 0, 'done', '{weekly}'))
                      v (schedule, of, cell, state, run)
               join matrices m on m.schedule = v.schedule and m.state = v.of;
             insert into pods (run_id, generation, provider, name, reserved_usd)
               values ('{one}', 1, 'runpod', 'held', 0.9)"
        ))
        .await;
    assert!(elsewhere > usd("0.9"), "what another schedule spent would be too much");
    assert_eq!(
        rig.work(&token_of_other).await,
        Executed::Failed,
        "what the one will need isn't there for the other"
    );
    assert_eq!(rig.code(other).await, "budget_exceeded");
    let said = rig.event(other, "budget_exceeded").await.unwrap();
    assert_eq!(said["details"]["cap"], "schedule", "{said}");
    assert!(said["message"].as_str().unwrap().contains("all runs of its schedule today (UTC)"), "{said}");
    assert_eq!(rig.work(&token_of_one).await, Executed::Done);
    // A cap that is raised holds at once.
    rig.database
        .execute(
            "update schedules set definition = '{\"budget_usd_per_day\": \"1000\"}' where name = 'nightly'",
        )
        .await;
    rig.drain().await;
    assert_eq!(rig.run(one).await.status, RunStatus::Succeeded, "{}", rig.code(one).await);

    // Yesterday's doesn't count.
    rig.database
        .execute(
            "update schedules set definition = '{\"budget_usd_per_day\": \"1.2\"}' where name = 'nightly'",
        )
        .await;
    ledger::retry(&rig.database.pool, rig.tokens.as_ref(), other, "test").await.unwrap();
    assert_eq!(rig.next().await, Executed::Failed, "today's are more than the cap");
    rig.drain().await;
    rig.database
        .execute("update rentals set started_at = started_at - interval '2 days', ended_at = ended_at - interval '2 days'")
        .await;
    ledger::retry(&rig.database.pool, rig.tokens.as_ref(), other, "test").await.unwrap();
    assert_eq!(rig.next().await, Executed::Done);
    operator::cancel(&rig.database.pool, rig.tokens.as_ref(), other, "test").await.unwrap();
    rig.drain().await;
}
