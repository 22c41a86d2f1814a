//! Pages that stand alone: text, tables and pictures in one HTML file, without a script, and without anything
//! that a browser would have to fetch.

use std::fmt::Write;

/// A page that grows from top to bottom, in the syntax that HTML shares with XML. Everything that is given to it is text; it cannot become markup.
#[derive(Debug)]
pub struct Page {
    html: String,
}

/// Pictures keep their own light panel; the rest follows what the reader prefers.
const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #59636e; --page: #ffffff; --line: #d1d9e0; --band: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --quiet: #9198a1; --page: #0d1117; --line: #3d444d; --band: #161b22; }
}
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1, h2, h3 { line-height: 1.25; margin: 1.6em 0 0.6em; }
h1 { margin-top: 0.4em; }
h2 { border-bottom: 1px solid var(--line); padding-bottom: 0.25em; }
p.note { color: var(--quiet); }
figure { margin: 1em 0; break-inside: avoid; }
figure img { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px; background: #ffffff; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.6em 0 1.2em; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding-bottom: 0.4em; }
th { white-space: nowrap; }
th, td { padding: 0.2em 0.8em; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
thead th { background: var(--band); }
tbody th { font-weight: 600; }
pre { background: var(--band); border: 1px solid var(--line); border-radius: 6px; padding: 0.8em; overflow-x: auto; }
@media print {
  :root { --ink: #000000; --quiet: #333333; --page: #ffffff; --line: #999999; --band: #ffffff; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  pre { white-space: pre-wrap; }
  details::details-content { content-visibility: visible; display: block; }
}
";

impl Page {
    pub fn new(title: &str) -> Self {
        let title = escape(title);
        Self {
            html: format!(
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta \
                 name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
                 <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\"/>\n<style>\n{STYLE}</style>\n\
                 </head>\n<body>\n<main>\n<h1>{title}</h1>\n"
            ),
        }
    }

    fn add(&mut self, arguments: std::fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = self.html.write_fmt(arguments);
    }

    /// `level` from 2 to 6.
    pub fn heading(&mut self, level: u8, text: &str) {
        self.add(format_args!("<h{level}>{}</h{level}>\n", escape(text)));
    }

    pub fn note(&mut self, text: &str) {
        self.add(format_args!("<p class=\"note\">{}</p>\n", escape(text)));
    }

    /// Rows have as many cells as there are columns, if these have names; the first of each is its head.
    pub fn table<'a>(
        &mut self,
        caption: &str,
        columns: &[&str],
        rows: impl IntoIterator<Item = &'a [String]>,
    ) {
        let caption = escape(caption);
        self.add(format_args!(
            "<div class=\"scroll\">\n<table>\n<caption>{caption}</caption>\n"
        ));
        if !columns.is_empty() {
            self.add(format_args!("<thead><tr>"));
            for column in columns {
                self.add(format_args!("<th scope=\"col\">{}</th>", escape(column)));
            }
            self.add(format_args!("</tr></thead>\n"));
        }
        self.add(format_args!("<tbody>\n"));
        for row in rows {
            self.add(format_args!("<tr>"));
            for (index, cell) in row.iter().enumerate() {
                let cell = escape(cell);
                match index {
                    0 => self.add(format_args!("<th scope=\"row\">{cell}</th>")),
                    _ => self.add(format_args!("<td>{cell}</td>")),
                }
            }
            self.add(format_args!("</tr>\n"));
        }
        self.add(format_args!("</tbody>\n</table>\n</div>\n"));
    }

    /// A picture, and what it shows in words.
    pub fn picture(&mut self, svg: &str, words: &str) {
        let (data, words) = (percent_encoded(svg), escape(words));
        self.add(format_args!(
            "<figure><img alt=\"{words}\" src=\"data:image/svg+xml,{data}\"/></figure>\n"
        ));
    }

    /// Text as it is, behind a summary to be opened.
    pub fn folded(&mut self, summary: &str, text: &str) {
        let (summary, text) = (escape(summary), escape(text));
        self.add(format_args!(
            "<details>\n<summary>{summary}</summary>\n<pre>{text}</pre>\n</details>\n"
        ));
    }

    pub fn finish(mut self) -> String {
        self.html += "</main>\n</body>\n</html>\n";
        self.html
    }
}

/// Characters that HTML gives a meaning, and those that no HTML text may have.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Text as part of a URL (RFC 3986); letters, digits and what a URL may hold stay.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 5 / 4);
    for &byte in text.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'~' | b'/' | b':' | b';' | b',' | b'=' | b'(' | b')' | b'+' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        let nasty = "<b a=\"1\" c='2'>&\u{0}";
        let mut page = Page::new(nasty);
        page.heading(2, nasty);
        page.note(nasty);
        page.table(nasty, &[nasty], [&[nasty.to_string()][..]]);
        page.picture("<svg id=\"a\">#%'</svg>", nasty);
        page.folded(nasty, nasty);
        let html = page.finish();
        assert!(!html.contains("<b "), "{html}");
        assert!(!html.contains('\u{0}'));
        assert!(html.contains("&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;"));
        assert!(html.contains("data:image/svg+xml,%3Csvg%20id=%22a%22%3E%23%25%27%3C/svg%3E"));
    }
}
