use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Device;
use latent_checkpoints::{Checkpoint, Expected};
use latent_models::shapes;
use serde_json::{Map, Value, json};

use crate::run::MODEL_KIND;
use crate::{Error, ModelMetadata};

/// The first format in which tensors have the names and layouts of PyTorch's layers.
pub(crate) const PYTORCH_FORMAT: u64 = 2;

/// The number of classes of all models in formats before 3.
const CLASSES: u8 = 10;

/// Converts the model file `model` to the current format and writes it to `out`.
///
/// Configuration keys and metrics are renamed; weights keep their values and types. A file in the current format is
/// copied.
///
/// # Errors
/// `model` is not a model file, or its tensors do not match the model in its metadata.
pub fn upgrade(model: &Path, out: &Path) -> Result<(), Error> {
    let Checkpoint {
        format,
        tensors,
        metadata,
        ..
    } = latent_checkpoints::load_older::<Map<String, Value>>(model, MODEL_KIND, &Device::Cpu)?;
    let metadata = if format < latent_checkpoints::FORMAT {
        upgraded(metadata)
    } else {
        Value::Object(metadata)
    };
    let metadata: ModelMetadata =
        serde_json::from_value(metadata).map_err(|reason| latent_checkpoints::Error::Metadata {
            path: model.into(),
            reason,
        })?;
    metadata.experiment.check(&model.display().to_string())?;
    let config = &metadata.experiment.model;
    let (shape, classes) = (metadata.data.shape, metadata.data.classes);
    if shape.checked_elem_count().is_none() {
        return Err(latent_datasets::Error::ImageShape(shape).into());
    }
    let tensors = if format < PYTORCH_FORMAT {
        config.in_pytorch_order(shape, tensors)?
    } else {
        tensors
    };
    let expected: Expected = shapes(|builder| config.build(shape, classes, builder))?;
    let checkpoint = Checkpoint {
        path: model.into(),
        format,
        tensors,
        metadata: (),
    };
    checkpoint.verify(&expected)?;
    Ok(latent_checkpoints::save(
        out,
        MODEL_KIND,
        &checkpoint.tensors,
        &metadata,
    )?)
}

/// Whether a file is a model of this or an earlier format, with its own experiment, and not only weights.
pub fn is_model_file(path: &Path) -> bool {
    latent_checkpoints::load_older::<Map<String, Value>>(path, MODEL_KIND, &Device::Cpu).is_ok()
}

/// Translates metadata of format 1 or 2 to the names of format 3.
fn upgraded(mut metadata: Map<String, Value>) -> Value {
    if let Some(experiment) = object(&mut metadata, "experiment") {
        if let Some(model) = object(experiment, "model") {
            rename(model, "halves", "mask");
            let is_flow = model.get("kind").and_then(Value::as_str);
            if is_flow.is_some_and(|kind| kind.ends_with("flow")) {
                rename(model, "prior", "base");
            }
            if let Some(objective) = object(model, "objective") {
                rename(objective, "beginning", "initial");
                rename(objective, "warm_up", "warm_up_epochs");
                if objective.get("bound") == Some(&json!("sampled-elbo")) {
                    objective.insert("bound".to_owned(), json!("monte-carlo-elbo"));
                }
            }
        }
        if let Some(training) = object(experiment, "training") {
            rename(training, "gradient_clip", "max_grad_norm");
            rename(training, "weight_average", "ema_decay");
            rename(training, "validation", "validation_images");
            let learning_rate = training.get("learning_rate").and_then(Value::as_f64);
            if let Some(schedule) = object(training, "schedule") {
                rename(schedule, "factor", "gamma");
                // `floor` was a fraction of the learning rate; `min_lr` is absolute.
                let floor = schedule.remove("floor").and_then(|floor| floor.as_f64());
                if let (Some(floor), Some(learning_rate)) = (floor, learning_rate) {
                    schedule.insert("min_lr".to_owned(), json!(floor * learning_rate));
                }
            }
        }
    }
    if let Some(data) = object(&mut metadata, "data") {
        let sides = [data.remove("height"), data.remove("width")];
        if let [Some(height), Some(width)] = sides {
            let shape = json!({ "channels": 1, "height": height, "width": width });
            data.insert("shape".to_owned(), shape);
        }
        // In format 2, `classes` contained the labels of the training images; earlier files lack it.
        match data.get("classes").cloned() {
            Some(Value::Number(_)) => (),
            labels => {
                let all = || (0..CLASSES).collect::<Vec<u8>>().into();
                let present = labels.unwrap_or_else(all);
                data.insert("classes_present".to_owned(), present);
                data.insert("classes".to_owned(), json!(CLASSES));
            }
        }
    }
    if let Some(Value::Object(splits)) = metadata.get_mut("metrics") {
        for metrics in splits.values_mut().filter_map(Value::as_object_mut) {
            let is_flow =
                metrics.contains_key("bits_per_dimension") && !metrics.contains_key("elbo");
            let renamed: BTreeMap<&str, &str> = if is_flow {
                [
                    ("log_likelihood", "log_density"),
                    ("mixture_log_likelihood", "marginal_log_density"),
                    ("log_probability", "log_likelihood"),
                ]
                .into()
            } else {
                BTreeMap::new()
            };
            *metrics = std::mem::take(metrics)
                .into_iter()
                .map(|(name, value)| {
                    let (stem, end) = match name.strip_suffix("_standard_error") {
                        Some(stem) => (stem, "_standard_error"),
                        None => (name.as_str(), ""),
                    };
                    let stem = renamed.get(stem).copied().unwrap_or(stem);
                    (format!("{stem}{end}"), value)
                })
                .collect();
        }
    }
    Value::Object(metadata)
}

fn object<'a>(parent: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    parent.get_mut(key)?.as_object_mut()
}

fn rename(object: &mut Map<String, Value>, old: &str, new: &str) {
    if let Some(value) = object.remove(old) {
        object.insert(new.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_of_format_2_are_translated() {
        let old = json!({
            "experiment": {
                "model": {
                    "kind": "conditional-flow", "halves": "checkerboard", "prior": "logistic",
                },
                "training": {
                    "learning_rate": 2e-3, "gradient_clip": 100.0, "weight_average": 0.999,
                    "validation": 10, "schedule": { "kind": "cosine", "floor": 0.01 },
                },
            },
            "data": { "name": "mnist", "height": 2, "width": 3, "classes": [0, 4] },
            "metrics": { "test": {
                "bits_per_dimension": 1.5, "log_likelihood": -2.0,
                "log_likelihood_standard_error": 0.25, "mixture_log_likelihood": -3.0,
            } },
        });
        let new = json!({
            "experiment": {
                "model": { "kind": "conditional-flow", "mask": "checkerboard", "base": "logistic" },
                "training": {
                    "learning_rate": 2e-3, "max_grad_norm": 100.0, "ema_decay": 0.999,
                    "validation_images": 10, "schedule": { "kind": "cosine", "min_lr": 2e-5 },
                },
            },
            "data": {
                "name": "mnist", "shape": { "channels": 1, "height": 2, "width": 3 },
                "classes": 10, "classes_present": [0, 4],
            },
            "metrics": { "test": {
                "bits_per_dimension": 1.5, "log_density": -2.0,
                "log_density_standard_error": 0.25, "marginal_log_density": -3.0,
            } },
        });
        let Value::Object(old) = old else {
            unreachable!("it is an object")
        };
        assert_eq!(upgraded(old), new);

        let old = json!({
            "experiment": {
                "model": {
                    "kind": "vae", "prior": { "kind": "standard-normal" },
                    "objective": {
                        "bound": "sampled-elbo", "warm_up": 2.0,
                        "beginning": { "samples": 5, "epochs": 1.0 },
                    },
                },
                "training": { "schedule": { "kind": "step", "epochs": 3, "factor": 0.5 } },
            },
            "data": { "height": 2, "width": 3 },
            "metrics": { "test": { "elbo": -1.0, "log_likelihood": -0.5 } },
        });
        let new = json!({
            "experiment": {
                "model": {
                    "kind": "vae", "prior": { "kind": "standard-normal" },
                    "objective": {
                        "bound": "monte-carlo-elbo", "warm_up_epochs": 2.0,
                        "initial": { "samples": 5, "epochs": 1.0 },
                    },
                },
                "training": { "schedule": { "kind": "step", "epochs": 3, "gamma": 0.5 } },
            },
            "data": {
                "shape": { "channels": 1, "height": 2, "width": 3 },
                "classes": 10, "classes_present": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            },
            "metrics": { "test": { "elbo": -1.0, "log_likelihood": -0.5 } },
        });
        let Value::Object(old) = old else {
            unreachable!("it is an object")
        };
        assert_eq!(upgraded(old), new);
    }
}
