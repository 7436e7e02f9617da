//! The data sets of the page.

use std::error::Error;
use std::fs;
use std::path::Path;

use latent_datasets::Dataset;
use latent_explorer::Model;
use serde::Serialize;

use crate::POINTS;

/// The limits of the examples: their number, and the bytes of all of them.
const EXAMPLES: usize = 100;
const BYTES: usize = 1_000_000;

/// The images that several models have in common.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Set {
    name: String,
    /// A description of the encoded test images.
    pub(crate) points: String,
    /// Whether the images are MNIST's or the built-in digits.
    is_of_digits: bool,
    /// Whether drawings are scaled and centred like MNIST's.
    is_drawing: bool,
    height: usize,
    width: usize,
    channels: usize,
    class_names: Vec<String>,
    /// Test images; `None` if they were not found, and for digits, which the page draws.
    examples: Option<Examples>,
    #[serde(skip)]
    checksum: String,
}

#[derive(Serialize)]
struct Examples {
    /// The path of the file on the page: the pixels of all examples.
    file: String,
    /// The labels of the examples; none if they have none.
    labels: Vec<u8>,
    count: usize,
}

impl Set {
    /// The data set of a model, the set number `number` of the page.
    pub(crate) fn new(
        model: &Model,
        test: Option<&Dataset>,
        number: usize,
        out: &Path,
    ) -> Result<Self, Box<dyn Error>> {
        let data = &model.metadata().data;
        let examples = match test {
            Some(test) if !model.is_of_digits() => {
                let most = (BYTES / test.pixels()).clamp(2, EXAMPLES);
                // An equal share of each class.
                let images = test.clone().stratified(1).truncated(most);
                let file = format!("data/{number}.bin");
                fs::write(out.join(&file), images.images())?;
                Some(Examples {
                    file,
                    labels: images.labels().to_vec(),
                    count: images.len(),
                })
            }
            _ => None,
        };
        let points = match test {
            Some(test) => format!("{} test images of {}", test.len().min(POINTS), data.name),
            None => String::new(),
        };
        Ok(Self {
            name: if model.is_of_digits() {
                "MNIST digits".to_owned()
            } else {
                data.name.clone()
            },
            points,
            is_of_digits: model.is_of_digits(),
            is_drawing: model.is_drawing(),
            height: model.height(),
            width: model.width(),
            channels: model.channels(),
            class_names: model.class_names(),
            examples,
            checksum: data.test_checksum.clone(),
        })
    }

    /// Whether a model has the images of this set.
    pub(crate) fn is_of(&self, model: &Model) -> bool {
        let is_same = (self.height, self.width, self.channels, &self.class_names)
            == (
                model.height(),
                model.width(),
                model.channels(),
                &model.class_names(),
            );
        let is_of_digits = self.is_of_digits && model.is_of_digits();
        is_of_digits || (is_same && self.checksum == model.metadata().data.test_checksum)
    }
}
