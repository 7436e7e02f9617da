//! Suggestions for misspelt names.

/// The known name that is most similar to `name` (Jaro-Winkler), if one is similar enough.
pub(crate) fn nearest<S: AsRef<str>>(
    name: &str,
    known: impl IntoIterator<Item = S>,
) -> Option<String> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate.as_ref()), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.as_ref().to_owned())
}

/// "; did you mean `NAME`?" for an error message, or an empty text without a suggestion.
pub(crate) fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_found_and_no_other() {
        let known = ["vae-2d", "vae-mlp", "realnvp-5"];
        assert_eq!(nearest("vae-3d", known).as_deref(), Some("vae-2d"));
        assert_eq!(nearest("realnvp", known).as_deref(), Some("realnvp-5"));
        let keys = [
            "seed",
            "data.limit",
            "model.latent_size",
            "model.objective.samples",
            "training.epochs",
        ];
        for (key, meant) in [
            ("training.epoch", "training.epochs"),
            ("model.latents", "model.latent_size"),
            ("model.latentsize", "model.latent_size"),
            ("data.limits", "data.limit"),
            ("traning.epochs", "training.epochs"),
            ("sed", "seed"),
            ("model.objective.sample", "model.objective.samples"),
        ] {
            assert_eq!(nearest(key, keys).as_deref(), Some(meant), "{key}");
        }
        for other in ["", "xyz", "quite another name"] {
            assert_eq!(nearest(other, known), None, "{other}");
        }
        assert_eq!(nearest("vae-2d", <[&str; 0]>::default()), None);
    }
}
