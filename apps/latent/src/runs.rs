//! Checks that an existing run is the requested one.

use std::path::Path;

use latent_training::load_model;

use crate::arguments::DataArguments;
use crate::{Context, Error};

/// Refuses a complete run of other data than requested.
pub(crate) fn refuse_other_data(
    directory: &Path,
    data: &DataArguments,
    context: &Context,
) -> Result<(), Error> {
    let model = load_model(directory, &context.device)?;
    match data.load_for(&model, context)?.difference {
        None => Ok(()),
        Some(difference) => Err(Error::OtherRunData {
            run: directory.to_owned(),
            found: difference.trained,
            asked: difference.found,
        }),
    }
}
