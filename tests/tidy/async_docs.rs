//! What the documentation of a public `async fn` has to say.

use crate::tree::Findings;

/// It says what dropping the future does, in a section of its own; or what it does "As [`...`]"
/// another one does; or the type says it for all of them.
pub(crate) fn cancel_safety(code: &str) -> Findings {
    let lines: Vec<_> = code.lines().collect();
    if lines.contains(&"/// # Cancel safety") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if !line.trim_start().starts_with(concat!("pub async", " fn ")) {
            continue;
        }
        let above = lines[..index].iter().rev().map(|line| line.trim_start());
        let documentation: Vec<_> =
            above.take_while(|line| line.starts_with("///") || line.starts_with("#[")).collect();
        let is_said = documentation.contains(&"/// # Cancel safety");
        let is_another = documentation.last().is_some_and(|first| first.starts_with("/// As [`"));
        if !is_said && !is_another {
            found.push((index + 1, "say under `# Cancel safety` what a drop does".to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_that_does_not_say_it_is_found() {
        let silent = concat!("    /// Reads.\n    #[inline]\n    pub async", " fn read() {}\n");
        assert_eq!(cancel_safety(silent).first().map(|(line, _)| *line), Some(3));
        let section = "Reads.\n    ///\n    /// # Cancel safety\n    /// Nothing is lost.";
        assert!(cancel_safety(&silent.replace("Reads.", section)).is_empty());
        assert!(cancel_safety(&silent.replace("Reads.", "As [`fs::read`](read()).")).is_empty());
        let of_the_type = format!("/// # Cancel safety\nstruct File;\n\n{silent}");
        assert!(cancel_safety(&of_the_type).is_empty());
    }
}
