//! Bills: compared with what was reckoned once they are settled, and shared among the runs of a pod.

use super::*;

#[tokio::test]
async fn bills_are_compared_with_what_was_reckoned_once_they_are_settled() {
    let rig = Rig::new().await;
    for (id, hours, price) in [("right", 8, 2), ("wrong", 8, 2), ("odd", 8, 2), ("late", 8, 2), ("new", 3, 2)]
    {
        rig.database
            .execute(format!(
                "insert into rentals (pod, provider, external_id, gpu_id, gpu_count, price_usd_per_hour, started_at, ended_at)
                 values ('{id}', 'runpod', '{id}', 'NVIDIA H200', 1, {price}, now() - interval '{hours} hours',
                         now() - interval '{hours} hours' + interval '1 hour')"
            ))
            .await;
    }
    let bill = [
        ("right", json!(1.0)),
        ("right", json!(1.04)),
        ("wrong", json!(3.5)),
        ("odd", json!(2.0)),
        ("odd", json!(-1)),
        ("new", json!(2.0)),
        ("somebody-elses", json!(7)),
    ];
    rig.cloud.fault(|faults| faults.bill = bill.map(|(id, usd)| (id.to_owned(), usd)).to_vec());
    let found = billing::reconcile(&rig.services).await.unwrap();
    assert_eq!((found.compared, found.unbilled), (2, 2), "{found:?}");
    let off: Vec<_> = found.off.iter().map(|rental| (&*rental.external_id, rental.billed_usd)).collect();
    assert_eq!(off, [("wrong", Some(usd("3.5")))]);
    let again = billing::reconcile(&rig.services).await.unwrap();
    assert_eq!((again.compared, again.off.len()), (0, 0), "a bill is read once");
    let broken = "select count(*) from rentals where billed_usd is not null and reconciled_at is null";
    assert_eq!(rig.database.count(broken).await, 0);
}

#[tokio::test]
async fn the_bill_of_a_pod_that_several_runs_had_is_shared_to_the_last_millionth_once_the_last_is_over() {
    let rig = Rig::new().await;
    let broken = async || runs::broken_invariants(&rig.database, rig.folder.path()).await.join("; ");
    for (pod, from, to) in [("a", 12, 9), ("b", 9, 8), ("c", 8, 2)] {
        rig.database
            .execute(format!(
                "insert into rentals (pod, provider, external_id, gpu_id, gpu_count, price_usd_per_hour, started_at, ended_at)
                 values ('{pod}', 'runpod', 'shared', 'NVIDIA H200', 1, 2, date_trunc('hour', now()) - interval '{from} hours',
                         date_trunc('hour', now()) - interval '{to} hours')"
            ))
            .await;
    }
    assert_eq!(broken().await, "");
    rig.cloud.fault(|faults| faults.bill = vec![("shared".to_owned(), json!(20.000_001))]);
    let found = billing::reconcile(&rig.services).await.unwrap();
    assert_eq!((found.compared, found.unbilled), (0, 0), "the last had it until two hours ago");
    rig.database
        .execute("update rentals set started_at = started_at - interval '6 hours', ended_at = ended_at - interval '6 hours'")
        .await;
    let found = billing::reconcile(&rig.services).await.unwrap();
    assert_eq!(
        (found.compared, found.unbilled, found.off.len()),
        (1, 0, 0),
        "20 USD were reckoned: {found:?}"
    );
    let shares: Vec<Decimal> = sqlx::query_scalar("select billed_usd from rentals order by id")
        .fetch_all(&rig.database.pool)
        .await
        .unwrap();
    assert_eq!(shares, [usd("6"), usd("2"), usd("12.000001")]);
    rig.database.execute("update rentals set ended_at = ended_at + interval '1 s' where pod = 'a'").await;
    assert!(broken().await.contains("no two runs pay for the same pod at the same time"));
}
