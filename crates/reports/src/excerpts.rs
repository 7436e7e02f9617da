//! Functions of the workspace that reports show, from the source that was compiled.

use latent_kernels::composed;

use crate::{Error, Excerpt};

/// `sample_latent_variables_from_posterior`.
pub(crate) fn sample() -> Result<Excerpt, Error> {
    kernel("reparametrise", "A draw z from q(z|x): μ + exp(log σ) ε")
}

/// `bernoulli_log_prob`.
pub(crate) fn bernoulli() -> Result<Excerpt, Error> {
    kernel(
        "bernoulli_log_likelihood",
        "log p(x|z) of a Bernoulli distribution with these logits: Σ x l − log(1 + exp l)",
    )
}

/// `compute_KL`.
pub(crate) fn kl() -> Result<Excerpt, Error> {
    kernel(
        "kl_to_standard_normal",
        "KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − 1) − log σ",
    )
}

/// `vae_lower_bound`.
pub(crate) fn lower_bound() -> Result<Excerpt, Error> {
    vae(
        "loss",
        "The loss of each image of a mini-batch: the negative lower bound, by one draw of z unless the experiment asks for \
         more; training averages it over the batch",
    )
}

/// The lower bound from its two terms.
pub(crate) fn objective() -> Result<Excerpt, Error> {
    of(
        latent_models::OBJECTIVE_SOURCE,
        "loss",
        "The two terms of the loss: the ELBO is log p(x|z) − KL, the log-likelihood of `bernoulli_log_likelihood` less the KL of \
         `kl_to_standard_normal`",
    )
}

/// The encoder.
pub(crate) fn encoder() -> Result<Excerpt, Error> {
    vae(
        "posterior",
        "The encoder: from pixels to μ and log σ = ½ log σ²",
    )
}

/// The update of Adam.
pub(crate) fn adam() -> Result<Excerpt, Error> {
    kernel("adam_update", "The update of one parameter")
}

/// A coupling of RealNVP.
pub(crate) fn coupling() -> Result<Excerpt, Error> {
    kernel(
        "affine_coupling",
        "The transformed half of a coupling and its log-determinant, from latent to data",
    )
}

fn kernel(function: &str, caption: &str) -> Result<Excerpt, Error> {
    of(composed::SOURCE, function, caption)
}

fn vae(function: &str, caption: &str) -> Result<Excerpt, Error> {
    of(latent_models::VAE_SOURCE, function, caption)
}

fn of(source: &str, function: &str, caption: &str) -> Result<Excerpt, Error> {
    let found = Excerpt::function(source, function, caption);
    found.ok_or_else(|| Error::Excerpt(function.to_owned()))
}
