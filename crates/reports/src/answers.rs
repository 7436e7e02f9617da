//! Answers to the assignments' questions. The measurements select the sentences of a template.
//!
//! An answer is a claim, a measured number, and a reason.

mod aevb;
mod conditional;
mod hy673;
mod lab8;
mod latent_space;
mod radboud;
mod vae;
mod vae2d;

pub(crate) use aevb::{adam, between};
pub(crate) use conditional::{conditional, conditional_elbo};
pub(crate) use hy673::{conditional_flow, couplings, depth, flow, paths};
pub(crate) use lab8::{
    architecture, architectures, perturbations, reconstruction, samples, scatter, transition,
};
pub(crate) use latent_space::{
    classification, classification_of_latents, conditional_distribution, coverage, dimensions,
    plane, retraining,
};
pub(crate) use radboud::{
    convolutional, gan, latent_size, loss_check, sample_check, style_transfer,
};
pub(crate) use vae::{
    elbo, importance_sampling, latent_distribution, log_variance, training_curves,
};
pub(crate) use vae2d::{decoded_grid, exemplars};
