use latent_kernels::Shape;

use crate::{
    BaseDistribution, Bound, FlowConfig, LadderVaeConfig, Likelihood, ModelConfig,
    MultiScaleConfig, Objective, Preprocessing, Prior, Transform,
};

impl ModelConfig {
    /// The equations of the model for images of this shape, one for each line: the joint distribution, the prior, the
    /// likelihood, the posterior and the bound of a VAE, or the density and the coupling of a flow.
    pub fn equations(&self, image: Shape) -> Vec<String> {
        let label = if self.is_conditional() { "y" } else { "" };
        match self {
            Self::Vae(config) | Self::ConditionalVae(config) => {
                vae(label, &config.prior, config.likelihood, &config.objective)
            }
            Self::ConvolutionalVae(config) | Self::ConditionalConvolutionalVae(config) => {
                vae(label, &config.prior, config.likelihood, &config.objective)
            }
            Self::LadderVae(config) | Self::ConditionalLadderVae(config) => {
                ladder(label, config, image)
            }
            Self::Flow(config) | Self::ConditionalFlow(config) => flow(label, config),
            Self::MultiScaleFlow(config) | Self::ConditionalMultiScaleFlow(config) => {
                multi_scale(label, config)
            }
        }
    }
}

/// `variable` given what is not empty in `given`: `p(x|z, y)`.
fn density(name: &str, variable: &str, given: &[&str]) -> String {
    let given: Vec<&str> = given.iter().copied().filter(|it| !it.is_empty()).collect();
    match &given[..] {
        [] => format!("{name}({variable})"),
        given => format!("{name}({variable}|{})", given.join(", ")),
    }
}

/// The label of a conditional density that depends on it only through a flow.
fn label_of<'a>(prior: &Prior, label: &'a str) -> &'a str {
    match prior {
        Prior::Flow(_) => label,
        Prior::StandardNormal => "",
    }
}

fn vae(label: &str, prior: &Prior, likelihood: Likelihood, objective: &Objective) -> Vec<String> {
    let p_z = density("p", "z", &[label_of(prior, label)]);
    let joint = density("p", "x, z", &[label]);
    let p_x = density("p", "x", &["z", label]);
    let q = density("q", "z", &["x", label]);
    let mut lines = vec![format!("{joint} = {p_x} {p_z}")];
    lines.extend(prior_lines(&p_z, "z", prior, label));
    lines.push(likelihood_line(&p_x, likelihood));
    lines.push(format!(
        "{q} = N(z; μ, diag σ²), μ and log σ² from the encoder"
    ));
    lines.push(bound(&joint, &p_x, &p_z, &q, label, objective));
    lines
}

fn prior_lines(p_z: &str, z: &str, prior: &Prior, label: &str) -> Vec<String> {
    match prior {
        Prior::Flow(_) => {
            let y = comma(label);
            vec![
                format!("{z} = f(u{y}), u from N(0, I), f a chain of affine couplings"),
                format!("log {p_z} = log N(u; 0, I) + log |det ∂u/∂{z}|"),
            ]
        }
        Prior::StandardNormal => vec![format!("{p_z} = N({z}; 0, I)")],
    }
}

fn comma(label: &str) -> String {
    match label {
        "" => String::new(),
        label => format!(", {label}"),
    }
}

fn likelihood_line(p_x: &str, likelihood: Likelihood) -> String {
    match likelihood {
        Likelihood::Bernoulli => {
            format!("{p_x} = Π Bernoulli(xᵢ; sigmoid(dᵢ)), d the decoder's output")
        }
        Likelihood::DiscretisedLogistic => {
            format!(
                "{p_x} = Π ∫ logistic(t; sigmoid(dᵢ), sᵢ) dt over the level of xᵢ, d the decoder's output"
            )
        }
    }
}

fn bound(joint: &str, p_x: &str, p_z: &str, q: &str, label: &str, objective: &Objective) -> String {
    let evidence = density("p", "x", &[label]);
    if objective.bound == Bound::ImportanceWeighted {
        return format!(
            "log {evidence} ≥ E[log 1/k Σ {joint} / {q}], k = {} draws of z from q",
            objective.samples
        );
    }
    let beta = if objective.beta == 1.0 {
        String::new()
    } else {
        format!(" (in training, KL × {})", objective.beta)
    };
    format!("log {evidence} ≥ E_q[log {p_x}] − KL({q} ‖ {p_z}){beta}")
}

fn ladder(label: &str, config: &LadderVaeConfig, image: Shape) -> Vec<String> {
    let sizes = config.networks.levels(image, config.latent_channels);
    let top = sizes.len();
    let (first, last) = ("z₁", format!("z{}", subscript(top)));
    let p_z = density("p", &last, &[label_of(&config.prior, label)]);
    let p_x = density("p", "x", &[&format!("{first}, …, {last}"), label]);
    let above = "z above";
    let levels: Vec<String> = (1..=top)
        .map(|level| sizes[top - level].to_string())
        .collect();
    let mut lines = vec![
        format!(
            "{} = {p_x} {p_z} Π {}",
            density("p", "x, z", &[label]),
            density("p", "zₗ", &[above, label])
        ),
        format!("zₗ = μₗ + σₗ ⊙ uₗ, u from N(0, I), μₗ and σₗ from the top-down network"),
        format!(
            "{} = N(uₗ; mₗ, diag sₗ²), mₗ and sₗ from both networks",
            density("q", "uₗ", &["x", above, label])
        ),
    ];
    lines.extend(prior_lines(&p_z, &last, &config.prior, label));
    lines.push(likelihood_line(&p_x, config.likelihood));
    let evidence = density("p", "x", &[label]);
    lines.push(match config.objective.bound {
        Bound::ImportanceWeighted => format!(
            "log {evidence} ≥ E[log 1/k Σ p/q over all levels], k = {} draws from q",
            config.objective.samples
        ),
        _ => format!("log {evidence} ≥ E_q[log p(x|z)] − Σ KLₗ, one KL divergence for each level"),
    });
    if config.free_bits > 0.0 {
        lines.push(format!(
            "in training, max(KLₗ, {}) nats in place of KLₗ, means over a batch",
            config.free_bits
        ));
    }
    lines.push(format!(
        "latents of the levels from {first} (next to the pixels) to {last}: {}",
        levels.join(", ")
    ));
    lines
}

fn flow(label: &str, config: &FlowConfig) -> Vec<String> {
    let mut lines = density_lines(label, config.preprocessing, config.base);
    lines.push(format!(
        "v = f(z{}), f a chain of {} couplings of two parts a and b of the pixels",
        comma(label),
        config.couplings
    ));
    lines.push(coupling_line(label, config.transform));
    lines
}

fn multi_scale(label: &str, config: &MultiScaleConfig) -> Vec<String> {
    let mut lines = density_lines(label, config.preprocessing, config.base);
    let steps: Vec<String> = config.couplings.iter().map(ToString::to_string).collect();
    lines.extend([
        format!(
            "v = f(z{}), f⁻¹ of {} levels of {} steps: each squeezes 2×2 pixels into channels, applies its steps,",
            comma(label),
            steps.len(),
            steps.join(" and ")
        ),
        "and factors out half of the channels: z = (z₁, z₂, …), the last level keeps all".to_owned(),
        "a step: h ↦ (h − t) exp(−s) by channel, h ↦ P L U h at each pixel, and a coupling of the channels a and b"
            .to_owned(),
        coupling_line(label, config.transform),
    ]);
    lines
}

fn density_lines(label: &str, preprocessing: Preprocessing, base: BaseDistribution) -> Vec<String> {
    let data = match preprocessing {
        Preprocessing::Logit { lambda } => {
            format!("v = logit(λ + (1 − 2λ) w), w = (level + noise) / 256, λ = {lambda:e}")
        }
        Preprocessing::Unit => "v = (level + noise) / 256".to_owned(),
    };
    let base = match base {
        BaseDistribution::Normal => "N(z; 0, I)",
        BaseDistribution::Logistic => "Π logistic(zᵢ; 0, 1)",
    };
    vec![
        data,
        format!(
            "log {} = log p(z) + log |det ∂z/∂v|, p(z) = {base}",
            density("p", "v", &[label])
        ),
    ]
}

fn coupling_line(label: &str, transform: Transform) -> String {
    let (s, t) = match label {
        "" => ("s(a)", "t(a)"),
        _ => ("s(a, y)", "t(a, y)"),
    };
    match transform {
        Transform::Additive => format!("f: (a, b) → (a, b + {t})"),
        Transform::Affine => format!("f: (a, b) → (a, b exp({s}) + {t})"),
        Transform::Mixture { components } => format!(
            "f⁻¹: (a, b) → (a, logit(F(b)) exp({s}) + {t}), F the distribution function of a mixture of {components} logistics"
        ),
    }
}

/// A number in subscript digits.
fn subscript(number: usize) -> String {
    let digits = ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉'];
    let digit = |digit: char| digit.to_digit(10).map(|digit| digits[digit as usize]);
    number.to_string().chars().filter_map(digit).collect()
}
