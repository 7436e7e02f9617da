//! HTML that is XML too, one file with everything in it.

/// Text as HTML and XML want it, in elements and in attributes.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace(|c: char| c.is_control() && c != '\n', " ")
}

/// A page around a body that is HTML.
pub(crate) fn page(title: &str, body: &str) -> String {
    let body = with_own_names(body);
    format!(
        "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n\
         <meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title),
        include_str!("style.css")
    )
}

/// Gives the glyphs of each picture names of their own: all pictures use the same ones.
fn with_own_names(body: &str) -> String {
    let mut parts = body.split("<svg ");
    let first = parts.next().unwrap_or_default().to_owned();
    let pictures = parts.enumerate().map(|(index, picture)| {
        let picture = picture.replace(" id=\"glyph-", &format!(" id=\"p{index}-glyph-"));
        let picture = picture.replace(" href=\"#glyph-", &format!(" href=\"#p{index}-glyph-"));
        format!("<svg {picture}")
    });
    first + &pictures.collect::<String>()
}

/// A picture in the page itself, with words for whom cannot see it.
pub(crate) fn picture(svg: &str, alternative: &str) -> String {
    let label = format!("<svg role=\"img\" aria-label=\"{}\" ", escape(alternative));
    svg.replacen("<svg ", &label, 1)
}

/// A table of cells that are HTML: the first row is the head, and the first cell of each row names it.
pub(crate) fn table_of(head: &[String], rows: &[Vec<String>]) -> String {
    let cell = |(index, cell): (usize, &String)| match index {
        0 => format!("<th scope=\"row\">{cell}</th>"),
        _ => format!("<td>{cell}</td>"),
    };
    let row = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
        format!("<tr>{}</tr>\n", cells.concat())
    };
    let name = |cell: &String| format!("<th scope=\"col\">{cell}</th>");
    let head = head.iter().map(name).collect::<Vec<_>>().concat();
    let rows = rows.iter().map(row).collect::<Vec<_>>().concat();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

/// Commands as they are typed.
pub(crate) fn commands(typed: &[String]) -> String {
    let lines: Vec<String> = typed.iter().map(|line| escape(line)).collect();
    format!("<pre><code>{}</code></pre>\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_becomes_markup() {
        let page = page(
            "<b> & \"c\"",
            &format!("<p>{}</p>", escape("a < b & \u{1} \"c\"")),
        );
        assert!(page.contains("<title>&lt;b&gt; &amp; &quot;c&quot;</title>"));
        assert!(page.contains("<p>a &lt; b &amp;   &quot;c&quot;</p>"));
    }
}
