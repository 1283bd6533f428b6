//! Proof of causal rules: the cases in each rule file, run by the rule itself.

use super::find_links;
use crate::grammar::Grammars;
use crate::grammar::mistake::Mistake;
use crate::grammar::timeline;
use crate::model::Fact;

/// Returns a mistake for each case that does not turn out as it says, in the files for which `wanted` holds.
pub fn prove_cases(grammars: &Grammars, wanted: &dyn Fn(&str) -> bool) -> Vec<Mistake> {
    let constants = grammars.physics.for_version(None);
    let mut mistakes = Vec::new();
    for rule in &grammars.rules {
        let file = format!("cascades/{}.toml", rule.id);
        if !wanted(&file) {
            continue;
        }
        for case in &rule.cases {
            let facts: Vec<Fact> = timeline::facts(&case.timeline);
            let links = find_links(&facts, std::slice::from_ref(rule), &constants);
            if links.is_empty() == case.links {
                let reason = if case.links {
                    "must link and does not"
                } else {
                    "must not link and does"
                };
                mistakes.push(Mistake::new(
                    &file,
                    case.span.clone(),
                    format!("the case \"{}\" {reason}", case.name),
                ));
            }
        }
    }
    mistakes
}
