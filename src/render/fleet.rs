//! The page of a fleet: answers as tables, counts over time as tables whose cells are shaded.
//!
//! Takes [`crate::wire::fleet::Fleet`]; gives one self-contained page without scripts. A shade never stands alone: the number is in the cell.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::wire::fleet::{Answer, Fleet};

const STYLE: &str = concat!(
    include_str!("../../reports/style.css"),
    include_str!("../../reports/fleet.css")
);

#[derive(Template)]
#[template(path = "fleet.html")]
struct Page<'a> {
    v: View,
    style: &'a str,
    style_hash: String,
}

/// Everything the page shows.
struct View {
    version: String,
    title: String,
    facts: Vec<(String, String)>,
    caution: String,
    sections: Vec<Section>,
}

/// One question and its answer.
struct Section {
    id: String,
    title: String,
    about: String,
    heat: Option<Heat>,
    head: Vec<String>,
    rows: Vec<Vec<Cell>>,
    note: String,
}

/// A cell: text, or links to incidents.
struct Cell {
    text: String,
    number: bool,
    links: Vec<(String, String)>,
}

/// Counts by row and time.
struct Heat {
    caption: String,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Shade>)>,
}

/// A count and how dark its cell is, from 0 to 4.
struct Shade {
    text: String,
    level: usize,
}

/// Incidents below which every share and spread on the page is called thin.
const THIN: u64 = 20;

/// Renders the page of a fleet.
///
/// # Errors
/// None that input can cause; askama's own.
pub fn render_fleet(fleet: &Fleet) -> Result<String, askama::Error> {
    let style_hash =
        base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    Page {
        v: view(fleet),
        style: STYLE,
        style_hash,
    }
    .render()
}

fn view(fleet: &Fleet) -> View {
    let totals = &fleet.totals;
    let day = |text: &Option<String>| {
        text.as_deref()
            .map_or_else(|| "not known".to_owned(), |t| t.chars().take(10).collect())
    };
    let caution = if totals.incidents < THIN {
        format!(
            "{} incidents are few: read shares and medians as what happened, not as what will.",
            totals.incidents
        )
    } else {
        String::new()
    };
    View {
        version: fleet.version.clone(),
        title: format!(
            "{} incidents, {} with a cascade",
            totals.incidents, totals.with_cascade
        ),
        facts: vec![
            ("first".to_owned(), day(&totals.from)),
            ("last".to_owned(), day(&totals.to)),
            ("without a time".to_owned(), totals.undated.to_string()),
            ("failed to be read".to_owned(), totals.failed.to_string()),
        ],
        caution,
        sections: fleet
            .answers
            .iter()
            .map(|a| section(a, fleet.pages))
            .collect(),
    }
}

fn section(answer: &Answer, pages: bool) -> Section {
    let heat = match answer.id.as_str() {
        "months" => heat(
            answer,
            "mechanism",
            "month",
            "Incidents a month, by mechanism",
        ),
        "node_pools" => heat(answer, "pool", "week", "Incidents a week, by node pool"),
        _ => None,
    };
    let note = match (answer.rows.is_empty(), answer.left_out) {
        (true, _) => "Nothing to show: the records hold no such thing.".to_owned(),
        (false, 0) => String::new(),
        (false, more) => format!("{more} rows more: `rootline batch ask` prints all."),
    };
    Section {
        id: answer.id.clone(),
        title: answer.title.clone(),
        about: answer.about.clone(),
        heat,
        head: answer.columns.clone(),
        rows: answer
            .rows
            .iter()
            .map(|row| {
                answer
                    .columns
                    .iter()
                    .zip(row)
                    .map(|(column, value)| cell(column, value, pages))
                    .collect()
            })
            .collect(),
        note,
    }
}

fn cell(column: &str, value: &Value, pages: bool) -> Cell {
    let text = match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => rounded(float),
            _ => number.to_string(),
        },
        other => other.to_string(),
    };
    let links = if column == "which" && pages {
        // Ids hold nothing that a URL would have to escape.
        text.split(' ')
            .map(|id| (id.to_owned(), format!("pages/{id}.html")))
            .collect()
    } else {
        Vec::new()
    };
    Cell {
        number: value.is_number(),
        text,
        links,
    }
}

/// Returns a number with as many digits as say something.
fn rounded(number: f64) -> String {
    if number.abs() >= 100.0 || number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.1}")
    }
}

/// Shades a cell may have.
const LEVELS: u64 = 4;

fn heat(answer: &Answer, row: &str, column: &str, caption: &str) -> Option<Heat> {
    let place = |name: &str| answer.columns.iter().position(|c| c == name);
    let (row, column, count) = (place(row)?, place(column)?, place("incidents")?);
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for values in &answer.rows {
        let key = (values.get(row)?.as_str()?, values.get(column)?.as_str()?);
        *counts.entry(key).or_default() += values.get(count)?.as_u64()?;
    }
    let columns: BTreeSet<&str> = counts.keys().map(|k| k.1).collect();
    let rows: BTreeSet<&str> = counts.keys().map(|k| k.0).collect();
    let most = counts.values().copied().max()?;
    Some(Heat {
        caption: caption.to_owned(),
        rows: rows
            .iter()
            .map(|r| {
                let shades = columns
                    .iter()
                    .map(|c| {
                        let n = counts.get(&(*r, *c)).copied().unwrap_or(0);
                        let level = usize::try_from((n * LEVELS).div_ceil(most)).unwrap_or(0);
                        Shade {
                            text: if n == 0 { String::new() } else { n.to_string() },
                            level,
                        }
                    })
                    .collect();
                ((*r).to_owned(), shades)
            })
            .collect(),
        columns: columns.into_iter().map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fleet::{SCHEMA, Totals};

    fn fleet(rows: Vec<Vec<Value>>) -> Fleet {
        Fleet {
            schema: SCHEMA.to_owned(),
            version: "0".to_owned(),
            totals: Totals {
                incidents: 2,
                with_cascade: 1,
                ..Totals::default()
            },
            pages: true,
            answers: vec![Answer {
                id: "months".to_owned(),
                title: "How often?".to_owned(),
                about: "One row a month.".to_owned(),
                columns: ["month", "mechanism", "incidents", "which"]
                    .map(str::to_owned)
                    .to_vec(),
                rows,
                left_out: 3,
            }],
        }
    }

    #[test]
    fn names_stay_text_and_incidents_are_links() {
        let page = render_fleet(&fleet(vec![vec![
            "2024-05".into(),
            "<script>x</script>".into(),
            2.into(),
            "a b-1".into(),
        ]]))
        .unwrap();
        assert!(!page.contains("<script"), "no script at all");
        assert!(page.contains("href=\"pages/b-1.html\""));
        assert!(page.contains("3 rows more"));
        assert!(page.contains("2 incidents are few"));
    }

    #[test]
    fn a_shade_follows_the_count() {
        let heat = heat(
            &fleet(vec![
                vec!["2024-05".into(), "x".into(), 1.into(), "".into()],
                vec!["2024-06".into(), "x".into(), 8.into(), "".into()],
            ])
            .answers[0],
            "mechanism",
            "month",
            "",
        )
        .unwrap();
        let levels: Vec<usize> = heat.rows[0].1.iter().map(|s| s.level).collect();
        assert_eq!(levels, [1, 4]);
    }
}
