//! Answers to the assignments' questions. The measurements select the sentences of a template.
//!
//! An answer is a claim, a measured number, and a reason.

mod aevb;
mod conditional;
mod hy673;
mod lab8;
mod radboud;
mod vae;
mod vae2d;

pub(crate) use aevb::between;
pub(crate) use conditional::{conditional, conditional_elbo};
pub(crate) use hy673::{couplings, depth, paths};
pub(crate) use lab8::{perturbations, reconstruction};
pub(crate) use radboud::{classification, gan, latent_size, style_transfer};
pub(crate) use vae::{
    elbo, importance_sampling, latent_distribution, log_variance, training_curves,
};
pub(crate) use vae2d::{decoded_grid, exemplars};
