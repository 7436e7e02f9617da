use askama::Template;
use askama::filters::HtmlSafe;

/// A function of this workspace's source code, as it was compiled.
#[derive(Clone, Debug, Template)]
#[template(path = "excerpt.html")]
pub struct Excerpt {
    caption: String,
    code: String,
}

impl HtmlSafe for Excerpt {}

impl Excerpt {
    /// The function `name` of a Rust source, from its signature to its closing brace, without its documentation; `None` if
    /// the source has no such function.
    pub fn function(source: &str, name: &str, caption: impl Into<String>) -> Option<Self> {
        let signature = format!("fn {name}(");
        let is_start = |line: &&str| {
            let code = line.trim_start();
            code.contains(&signature) && !code.starts_with("//")
        };
        let start = source.lines().position(|line| is_start(&line))?;
        let indent = source.lines().nth(start)?;
        let indent = &indent[..indent.len() - indent.trim_start().len()];
        let end = format!("{indent}}}");
        let mut code = Vec::new();
        for line in source.lines().skip(start) {
            code.push(line.strip_prefix(indent).unwrap_or(line));
            if line == end {
                return Some(Self {
                    caption: caption.into(),
                    code: code.join("\n"),
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_the_whole_function_without_its_indentation() {
        let source = "mod m {\n    /// fn b() is below.\n    pub fn a(x: u8) -> u8 {\n        if x > 1 {\n            \
            x\n        } else {\n            1\n        }\n    }\n\n    fn b() {\n    }\n}\n";
        let found = Excerpt::function(source, "a", "A").unwrap();
        assert_eq!(
            found.code,
            "pub fn a(x: u8) -> u8 {\n    if x > 1 {\n        x\n    } else {\n        1\n    }\n}"
        );
        assert_eq!(
            Excerpt::function(source, "b", "B").unwrap().code,
            "fn b() {\n}"
        );
        assert!(Excerpt::function(source, "c", "C").is_none());
    }
}
