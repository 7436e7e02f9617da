use clap::Args;

use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::{Context, Error, figures};

/// Draw the first test images above what the model makes of them
#[derive(Args)]
pub(crate) struct Reconstruct {
    #[command(flatten)]
    model: ModelArgument,
    /// How many images
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=50))]
    count: u16,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl Reconstruct {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?.test();
        let picture = figures::reconstructions(
            &model,
            &data,
            self.count.into(),
            self.output.seed(&model),
            context,
        )?;
        Ok(self.output.drawn(picture, &model, "reconstructions"))
    }
}
