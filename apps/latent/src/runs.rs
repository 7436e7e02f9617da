//! Whether an existing run is the one that is asked for.

use std::path::Path;

use latent_training::load_model;

use crate::arguments::DataArguments;
use crate::{Context, Error};

/// Refuses a finished run of other data than is asked for.
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
