//! A result's efficiency: the catalog's figures of its model and GPU, and what was measured.

use crate::domain::{
    catalog::Catalog,
    kinds::EngineKind,
    measure::{comparable::Comparability, summary::LevelSummary},
    roofline::{self, Efficiency, Served, joules_per_output_token},
    sizing::{KvPrecision, Precision, Shape},
};

/// The efficiency of a level that was measured on this setup. What can't be said is null, with the reason.
#[must_use]
pub fn efficiency(catalog: &Catalog, level: &LevelSummary, setup: Option<&Comparability>) -> Efficiency {
    let mut found = setup
        .ok_or_else(|| "an earlier version stored it without its setup".to_owned())
        .and_then(|setup| shares(catalog, level, setup))
        .unwrap_or_else(|why| Efficiency { missing: vec![why], ..Efficiency::default() });
    match joules_per_output_token(level) {
        Ok(joules) => found.joules_per_output_token = Some(joules),
        Err(why) if !found.missing.iter().any(|said| said == why) => found.missing.push(why.to_owned()),
        Err(_) => {}
    }
    found
}

fn shares(catalog: &Catalog, level: &LevelSummary, setup: &Comparability) -> Result<Efficiency, String> {
    if setup.gpu_count == 0 {
        return Err("no GPU was used".to_owned());
    }
    let unknown = |what: &str, name: &str| format!("the catalog has no {what} `{name}`");
    let gpu = catalog.gpu(&setup.gpu_id).map_err(|_| unknown("GPU", &setup.gpu_id))?;
    // Results name models for people, which is the same for every engine.
    let model = catalog.model(&setup.model, EngineKind::Vllm).map_err(|_| unknown("model", &setup.model))?;
    let shape = Shape::of(model).map_err(|why| why.to_string())?;
    let precision = match &setup.precision {
        Some(name) => name.parse::<Precision>().map_err(|_| format!("the size of `{name}` isn't known"))?,
        None => shape.native,
    };
    let served = Served { shape: &shape, precision, kv_precision: KvPrecision::Bits16 };
    roofline::efficiency(level, &served, gpu, setup.gpu_count).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::one_stream;

    fn setup() -> Comparability {
        Comparability {
            model: "Llama 3.1 8B".to_owned(),
            precision: Some("bf16".to_owned()),
            context_tokens: None,
            parallel_slots: None,
            prefix_caching: None,
            prompt_set_sha256: "ab".to_owned(),
            gpu_id: "NVIDIA L40S".to_owned(),
            gpu_count: 1,
        }
    }

    #[test]
    fn a_known_setup_has_shares_and_an_unknown_one_has_the_reason() {
        let catalog = Catalog::embedded().unwrap();
        let of = |setup: Option<&Comparability>| efficiency(&catalog, &one_stream(), setup);
        let found = of(Some(&setup()));
        assert!(found.bandwidth_share.unwrap() > 0.0 && found.compute_share.unwrap() > 0.0);
        assert_eq!(found.missing, ["the power of the GPUs wasn't measured"]);
        let own = of(Some(&Comparability { precision: None, ..setup() }));
        assert_eq!(own, found, "bf16 is the model's own");
        for (unknown, said) in [
            (Comparability { gpu_count: 0, ..setup() }, "no GPU was used"),
            (Comparability { gpu_id: "Voodoo 2".to_owned(), ..setup() }, "the catalog has no GPU `Voodoo 2`"),
            (Comparability { model: "truth".to_owned(), ..setup() }, "the catalog has no model `truth`"),
            (
                Comparability { precision: Some("Q4_0".to_owned()), ..setup() },
                "the size of `Q4_0` isn't known",
            ),
        ] {
            let found = of(Some(&unknown));
            assert_eq!((found.bandwidth_share, found.compute_share), (None, None));
            assert_eq!(found.missing[0], said);
        }
        assert!(of(None).missing[0].contains("without its setup"));
    }
}
