//! From a cell to the request of its run: what `dria-bench run` makes of flags, made of a matrix.

use std::collections::HashMap;

use super::{CPU, Cell, MatrixDefinition, MatrixError};
use crate::domain::{
    catalog::Catalog,
    kinds::ProviderKind,
    seen::HostFacts,
    spec::{EngineSpec, LoadSpec, MachineSpec, ModelSpec, RunSpec},
};

impl MatrixDefinition {
    /// The request of each cell's run under this load. `here` is this machine, for a matrix that runs on it.
    ///
    /// # Errors
    /// When the catalog doesn't know a model or has no id of it for an engine, or when a local matrix names a GPU that
    /// isn't here.
    pub fn run_specs(
        &self,
        cells: &[Cell],
        load: &LoadSpec,
        catalog: &Catalog,
        here: Option<&HostFacts>,
    ) -> Result<Vec<RunSpec>, MatrixError> {
        // A large matrix has few models, and each look-up goes through the catalog.
        let mut models = HashMap::new();
        cells
            .iter()
            .map(|cell| {
                let key = (cell.model.as_str(), cell.engine);
                let model = match models.get(&key) {
                    Some(model) => ModelSpec::clone(model),
                    None => models.entry(key).or_insert(model(cell, catalog)?).clone(),
                };
                self.run_spec(cell, model, load, here)
            })
            .collect()
    }

    fn run_spec(
        &self,
        cell: &Cell,
        model: ModelSpec,
        load: &LoadSpec,
        here: Option<&HostFacts>,
    ) -> Result<RunSpec, MatrixError> {
        let (gpu_id, gpu_count) = self.gpu(cell, here)?;
        // Told to serve as many at once as are measured, the engine isn't what makes requests queue.
        let most = load.rates.last().copied().unwrap_or(1);
        Ok(RunSpec {
            workflow: self.workflow.clone(),
            engine: EngineSpec {
                kind: cell.engine,
                precision: None,
                context_tokens: None,
                parallel_slots: (self.provider != ProviderKind::Endpoint).then_some(most),
                prefix_caching: false,
                extra_args: Vec::new(),
            },
            model,
            machine: MachineSpec {
                provider: self.provider,
                gpu_id,
                gpu_candidates: Vec::new(),
                data_center: None,
                gpu_count,
                volume_in_gb: 0,
                container_disk_in_gb: 0,
                port: None,
                url: self.url.clone(),
            },
            load: load.clone(),
        })
    }

    /// The GPU under which results are published, and how many. What a machine of ours has can be seen; only NVIDIA's
    /// are, so an AMD one is believed.
    fn gpu(&self, cell: &Cell, here: Option<&HostFacts>) -> Result<(String, u32), MatrixError> {
        let without = HostFacts { gpus: Vec::new(), ..here.cloned().unwrap_or_default() };
        if cell.gpu == CPU {
            return Ok((without.gpu_id(), 0));
        }
        let (ProviderKind::Local, Some(here)) = (self.provider, here) else {
            return Ok((cell.gpu.clone(), cell.gpu_count));
        };
        let found = here.gpus.iter().filter(|gpu| gpu.name == cell.gpu).count();
        if !cell.gpu.to_uppercase().starts_with("AMD") && found < cell.gpu_count as usize {
            return Err(MatrixError::NotHere {
                wanted: format!("{} × {}", cell.gpu_count, cell.gpu),
                has: match here.gpus.first() {
                    Some(gpu) => format!("this machine has {} × {}", here.gpus.len(), gpu.name),
                    None => {
                        "nvidia-smi finds no GPU on this machine. `cpu` measures its processor".to_owned()
                    }
                },
            });
        }
        Ok((cell.gpu.clone(), cell.gpu_count))
    }
}

/// The model by the engine's own id.
fn model(cell: &Cell, catalog: &Catalog) -> Result<ModelSpec, MatrixError> {
    let known = catalog.model(&cell.model, cell.engine);
    let model = known.map_err(|error| MatrixError::Unknown(error.to_string()))?;
    let id = model.id_for(cell.engine).ok_or_else(|| {
        MatrixError::Unknown(format!("{} has no id for {}: exclude this pair", cell.model, cell.engine))
    })?;
    Ok(ModelSpec {
        id: id.to_owned(),
        common_name: model.common_name.clone(),
        parameter_size: model.parameter_size().to_lowercase(),
        path: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{kinds::EngineKind, seen::GpuFacts};

    fn matrix(provider: ProviderKind, gpu: &str) -> (MatrixDefinition, Cell) {
        let definition = MatrixDefinition {
            provider,
            models: vec!["Llama 3.1 8B".to_owned()],
            engines: vec![EngineKind::Vllm],
            gpus: vec![gpu.to_owned()],
            ..super::super::tests::matrix()
        };
        let cell = definition.expand().unwrap().remove(0);
        (definition, cell)
    }

    #[test]
    fn a_cell_asks_for_what_run_asks_for() {
        let (matrix, cell) = matrix(ProviderKind::Runpod, "NVIDIA H200");
        let catalog = Catalog::embedded().unwrap();
        let spec = matrix.run_specs(&[cell], &LoadSpec::default(), &catalog, None).unwrap().remove(0);
        assert_eq!(spec.model.id, "meta-llama/Llama-3.1-8B-Instruct");
        assert_eq!(
            (spec.model.common_name.as_str(), spec.model.parameter_size.as_str()),
            ("Llama 3.1 8B", "8b")
        );
        assert_eq!((spec.machine.gpu_id.as_str(), spec.machine.gpu_count), ("NVIDIA H200", 1));
        assert_eq!(spec.engine.parallel_slots, Some(9));
    }

    #[test]
    fn a_machine_of_ours_is_measured_under_what_it_has() {
        let gpu =
            GpuFacts { name: "NVIDIA H200".to_owned(), memory_mib: None, uuid: None, power_limit_w: None };
        let here = HostFacts { cpu_model: Some("Z80".to_owned()), gpus: vec![gpu], ..HostFacts::default() };
        let catalog = Catalog::embedded().unwrap();
        let gpu_of = |gpu: &str| {
            let (matrix, cell) = matrix(ProviderKind::Local, gpu);
            let specs = matrix.run_specs(&[cell], &LoadSpec::default(), &catalog, Some(&here));
            specs.map(|mut specs| specs.remove(0).machine.gpu_id)
        };
        assert_eq!(gpu_of(CPU).unwrap(), "CPU Z80");
        assert_eq!(gpu_of("NVIDIA H200").unwrap(), "NVIDIA H200");
        let refused = gpu_of("NVIDIA L40S").unwrap_err().to_string();
        assert_eq!(refused, "1 × NVIDIA L40S can't be measured here: this machine has 1 × NVIDIA H200");
    }
}
