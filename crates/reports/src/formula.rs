//! Formulas: LaTeX source, only in this file, rendered to `MathML`.

use std::borrow::Cow;
use std::fmt;

use askama::filters::HtmlSafe;
use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Parser, Storage, push_mathml};

/// A formula of this crate, which a template shows as `MathML`.
#[derive(Clone, Debug)]
pub(crate) struct Formula {
    latex: Cow<'static, str>,
    mode: DisplayMode,
}

impl Formula {
    const fn inline(latex: &'static str) -> Self {
        Self {
            latex: Cow::Borrowed(latex),
            mode: DisplayMode::Inline,
        }
    }

    const fn display(latex: &'static str) -> Self {
        Self {
            latex: Cow::Borrowed(latex),
            mode: DisplayMode::Block,
        }
    }

    /// The formula as a `math` element.
    ///
    /// # Errors
    /// The renderer does not support the LaTeX source.
    fn mathml(&self) -> Result<String, String> {
        let storage = Storage::new();
        let events: Result<Vec<_>, _> = Parser::new(&self.latex, &storage).collect();
        let events = events.map_err(|error| error.to_string())?;
        let events = events.into_iter().map(Ok::<_, std::convert::Infallible>);
        let config = RenderConfig {
            display_mode: self.mode,
            ..RenderConfig::default()
        };
        let mut text = String::new();
        push_mathml(&mut text, events, config).map_err(|error| error.to_string())?;
        Ok(text)
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.mathml().map_err(|_| fmt::Error)?)
    }
}

impl HtmlSafe for Formula {}

/// Constants, and the list of all of them for the test.
macro_rules! formulas {
    ($($mode:ident $name:ident = $latex:literal;)*) => {
        $(pub(crate) const $name: Formula = Formula::$mode($latex);)*
        #[cfg(test)]
        const ALL: &[(&str, Formula)] = &[$((stringify!($name), $name)),*];
    };
}

formulas! {
    // Symbols.
    inline Y = r"y";
    inline Z = r"z";
    inline D = r"d";
    inline K = r"K";
    inline Q = r"q";
    inline S = r"s";
    inline MU = r"\mu";
    inline SIGMA = r"\sigma";
    inline Z_ONE = r"z_1";
    inline Z_TWO = r"z_2";
    inline HALF = r"1/2";

    // Distributions.
    inline STANDARD_NORMAL = r"\mathcal{N}(0, I)";
    inline LATENT_PRIOR = r"z \sim \mathcal{N}(0, I)";
    inline LATENT_PRIOR_NAMED = r"z \sim p(z) = \mathcal{N}(0, I)";
    inline NOISE = r"\varepsilon \sim \mathcal{N}(0, I)";
    inline POSTERIOR = r"q(z \mid x)";
    inline LIKELIHOOD = r"p(x \mid z)";
    inline CONDITIONAL_POSTERIOR = r"q(z \mid x, y)";
    inline CONDITIONAL_LIKELIHOOD = r"p(x \mid z, y)";
    inline CONDITIONAL_PRIOR = r"p(z \mid y)";
    inline CONDITIONAL_PRIOR_STANDARD = r"p(z \mid y) = \mathcal{N}(0, I)";

    // The ELBO.
    inline MARGINAL = r"p(x) = \int p(x \mid z) \, p(z) \, dz";
    display ELBO_BY_JENSEN = r"\log p(x) = \log \mathbb{E}_{q(z \mid x)}\left[\frac{p(x, z)}{q(z \mid x)}\right] \;\ge\; \mathbb{E}_{q(z \mid x)}\left[\log \frac{p(x, z)}{q(z \mid x)}\right] = \mathrm{ELBO}(x).";
    inline JOINT = r"p(x, z) = p(x \mid z) \, p(z)";
    display ELBO_PARTS = r"\mathrm{ELBO}(x) = \mathbb{E}_{q(z \mid x)}\left[\log p(x \mid z)\right] - \mathrm{KL}\left(q(z \mid x) \,\Vert\, p(z)\right).";
    inline JOINT_BY_POSTERIOR = r"p(x, z) = p(z \mid x) \, p(x)";
    display ELBO_GAP = r"\log p(x) - \mathrm{ELBO}(x) = \mathbb{E}_{q(z \mid x)}\left[\log \frac{q(z \mid x)}{p(z \mid x)}\right] = \mathrm{KL}\left(q(z \mid x) \,\Vert\, p(z \mid x)\right) \ge 0.";
    display KL_OF_NORMALS = r"\mathrm{KL}\left(\mathcal{N}(\mu, \mathrm{diag} \, \sigma^2) \,\Vert\, \mathcal{N}(0, I)\right) = \frac{1}{2} \sum_{i=1}^{d} \left(\mu_i^2 + \sigma_i^2 - 1 - \log \sigma_i^2\right).";
    inline REPARAMETRISATION = r"z = \mu + \sigma \odot \varepsilon";

    // The conditional ELBO.
    display CONDITIONAL_ELBO_JOINT = r"\log p(x \mid y) \;\ge\; \mathbb{E}_{q(z \mid x, y)}\left[\log p(x, z \mid y) - \log q(z \mid x, y)\right]";
    display CONDITIONAL_ELBO_PARTS = r"= \; \mathbb{E}_{q(z \mid x, y)}\left[\log p(x \mid z, y)\right] - \mathrm{KL}\left(q(z \mid x, y) \,\Vert\, p(z \mid y)\right).";
    display CONDITIONAL_JENSEN = r"\log p(x \mid y) = \log \int q(z \mid x, y) \, \frac{p(x, z \mid y)}{q(z \mid x, y)} \, dz \;\ge\; \int q(z \mid x, y) \, \log \frac{p(x, z \mid y)}{q(z \mid x, y)} \, dz,";
    inline CONDITIONAL_JOINT = r"p(x, z \mid y) = p(x \mid z, y) \, p(z \mid y)";
    inline LOG_CONDITIONAL_LIKELIHOOD = r"\log p(x \mid z, y)";
    inline LOG_RATIO = r"\log p(z \mid y) - \log q(z \mid x, y)";
    inline CONDITIONAL_JOINT_BY_POSTERIOR = r"p(x, z \mid y) = p(z \mid x, y) \, p(x \mid y)";
    display CONDITIONAL_GAP = r"\log p(x \mid y) = \mathbb{E}_{q(z \mid x, y)}\left[\log \frac{p(x, z \mid y)}{q(z \mid x, y)}\right] + \mathrm{KL}\left(q(z \mid x, y) \,\Vert\, p(z \mid x, y)\right).";

    // The log-variance.
    inline LOG_VARIANCE = r"s = \log \sigma^2";
    display LOSS_RECONSTRUCTION = r"-\log p(x \mid z) = -\sum_{j} \left(x_j \log \hat x_j + (1 - x_j) \log (1 - \hat x_j)\right),";
    display KL_OF_S_PLAIN = r"\mathrm{KL} = \frac{1}{2} \sum_i \left(\mu_i^2 + e^{s_i} - 1 - s_i\right).";
    inline LOG_INEQUALITY = r"\sigma^2 - 1 \ge \log \sigma^2";

    // Adam.
    inline STRAIGHT_LINE = r"z = s \, z_1 + (1 - s) \, z_2";
    inline LOG_SIGMA = r"\log \sigma = s/2";
    display ADDITIVE_CONDITIONING = r"h = \mathrm{ReLU}\left(W_z z + W_y y + b\right).";
    inline X = r"x";
    inline ONE_MINUS_BETA_ONE = r"1 - \beta_1";
    inline GRADIENT = r"g_t";
    inline FIRST_MOMENT = r"m_t";
    inline SECOND_MOMENT = r"v_t";
    inline THETA = r"\theta";
    inline T = r"t";
    inline ALPHA = r"\alpha";
    inline BETA_ONE = r"\beta_1";
    inline BETA_TWO = r"\beta_2";
    inline EPSILON = r"\epsilon";
    display ADAM_MOMENTS = r"m_t = \beta_1 m_{t-1} + (1 - \beta_1) \, g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) \, g_t^2,";
    display ADAM_UPDATE = r"\hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}, \qquad \theta_t = \theta_{t-1} - \alpha \, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}.";
    inline SIGMA_OF_S = r"\sigma = \exp(s/2)";
    display KL_OF_S = r"\mathrm{KL} = \frac{1}{2} \sum_i \left(\mu_i^2 + e^{s_i} - 1 - s_i\right), \qquad \frac{\partial \, \mathrm{KL}}{\partial s_i} = \frac{1}{2} \left(e^{s_i} - 1\right),";
    inline GRADIENT_OF_SIGMA = r"\sigma - 1/\sigma";
    inline SIGMA_ONE = r"\sigma \approx 1";

    // The distribution of latents.
    display AGGREGATE_POSTERIOR = r"q(z) = \frac{1}{N} \sum_{n=1}^{N} q(z \mid x_n) \;\approx\; p(z).";
    display KL_SPLIT = r"\frac{1}{N} \sum_n \mathrm{KL}\left(q(z \mid x_n) \,\Vert\, p(z)\right) = I_q(n; z) + \mathrm{KL}\left(q(z) \,\Vert\, p(z)\right).";
    inline UNUSED_DIMENSION = r"q(z_i \mid x) = p(z_i)";

    // Labels.
    display BAYES = r"p(y \mid x) = \frac{p(x \mid y) \, p(y)}{\sum_{y'} p(x \mid y') \, p(y')}.";
    display STYLE_TRANSFER = r"z = \mu(x, y), \qquad x' = \mathbb{E}\left[x \mid z, y'\right].";

    // Flows.
    inline INVERSE = r"z = f^{-1}(x)";
    display CHANGE_OF_VARIABLES = r"\log p(x) = \log p(z) + \log \left|\det \frac{\partial z}{\partial x}\right|.";
    display COUPLING = r"x_A = z_A, \qquad x_B = z_B \odot e^{\alpha(z_A)} + m(z_A), \qquad \log \left|\det \frac{\partial x}{\partial z}\right| = \sum_i \alpha_i(z_A).";
    display COUPLING_INVERSE = r"z_A = x_A, \qquad z_B = \left(x_B - m(x_A)\right) \odot e^{-\alpha(x_A)}.";
    display CONDITIONAL_COUPLING = r"x_A = z_A, \qquad x_B = z_B \odot e^{\alpha(z_A, y)} + m(z_A, y).";
    inline CONDITIONAL_DENSITY = r"p(x \mid y)";
    inline LOGIT_LAMBDA = r"\lambda = 10^{-6}";
    inline EXPECTED_NORM = r"\mathbb{E} \, \lVert z \rVert^2 = d";
    display LINEAR_PATH = r"z_\lambda = (1 - \lambda) \, z_1 + \lambda \, z_2, \qquad \lVert z_\lambda \rVert^2 \approx \left((1 - \lambda)^2 + \lambda^2\right) d,";
    display SINUSOIDAL_PATH = r"\bar z_\lambda = \left(1 - \sin\frac{\lambda \pi}{2}\right) z_1 + \sin\frac{\lambda \pi}{2} \, z_2,";
    display ARC_PATH = r"z_\lambda = \cos\left(\frac{\lambda \pi}{2}\right) z_1 + \sin\left(\frac{\lambda \pi}{2}\right) z_2, \qquad \lVert z_\lambda \rVert^2 \approx \left(\cos^2 \frac{\lambda \pi}{2} + \sin^2 \frac{\lambda \pi}{2}\right) d = d,";
}

/// The entropy of a label of K equally frequent classes, log K ≈ its value in nats: the largest gain by a label.
pub(crate) fn label_entropy(classes: usize) -> Formula {
    let nats = (classes.max(1) as f64).ln();
    formatted(format!(r"\log {classes} \approx {nats:.2}"))
}

/// The marginal likelihood over K equally frequent labels, bounded by the term of one label.
pub(crate) fn marginal_over_labels(classes: usize) -> Formula {
    formatted(format!(
        r"p(x) = \sum_y p(y) \, p(x \mid y) \ge \frac{{1}}{{{classes}}} \, p(x \mid y)"
    ))
}

/// The number of dimensions d.
pub(crate) fn dimensions(size: usize) -> Formula {
    formatted(format!("d = {size}"))
}

/// The typical norm of a draw from the prior in `dimensions` dimensions.
pub(crate) fn typical_norm(size: usize) -> Formula {
    let radius = (size as f64).sqrt();
    formatted(format!(r"\sqrt{{{size}}} \approx {radius:.1}"))
}

/// A latent's component, counted from 1.
pub(crate) fn component(number: usize) -> Formula {
    formatted(format!("z_{{{number}}}"))
}

/// From numbers and LaTeX of this file only.
fn formatted(latex: String) -> Formula {
    Formula {
        latex: Cow::Owned(latex),
        mode: DisplayMode::Inline,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_formula_is_well_formed_mathml() {
        let computed = [
            label_entropy(10),
            label_entropy(1),
            marginal_over_labels(47),
            dimensions(784),
            typical_norm(784),
            component(12),
        ];
        let computed = computed.into_iter().map(|formula| ("computed", formula));
        for (name, formula) in ALL.iter().cloned().chain(computed) {
            let mathml = formula.mathml().unwrap_or_else(|error| {
                panic!("{name}: {error}: {}", formula.latex);
            });
            let document = roxmltree::Document::parse(&mathml).unwrap();
            let root = document.root_element();
            assert_eq!(root.tag_name().name(), "math", "{name}");
            let is_block = formula.mode == DisplayMode::Block;
            assert_eq!(
                root.attribute("display") == Some("block"),
                is_block,
                "{name}: {mathml}"
            );
            for node in root.descendants() {
                assert_ne!(node.tag_name().name(), "merror", "{name}: {mathml}");
            }
            assert!(root.descendants().any(|node| node.is_text()), "{name}");
        }
    }

    #[test]
    fn latex_with_an_error_is_an_error() {
        for latex in [r"\frac{1}", r"\nosuchcommand", r"{x", r"\left( x"] {
            assert!(Formula::inline(latex).mathml().is_err(), "{latex}");
        }
    }

    #[test]
    fn computed_formulas_are_of_the_classes() {
        assert_eq!(label_entropy(10).latex, r"\log 10 \approx 2.30");
        assert_eq!(label_entropy(5).latex, r"\log 5 \approx 1.61");
        assert_eq!(typical_norm(784).latex, r"\sqrt{784} \approx 28.0");
    }
}
