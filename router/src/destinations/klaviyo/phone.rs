//! Phone numbers as E.164, of what people write in one country.

/// A line for each region: its name, its calling code, what is dialled before a national number, what the national numbers of a region that shares its
/// calling code begin with, and for each length of a national number its first digits. `-` is nothing.
const REGIONS: &str = include_str!("regions.txt");

/// Regions without numbers of their own.
const EMPTY: [&str; 7] = ["AQ", "BV", "HM", "PN", "TF", "UM", "UN"];

pub(super) fn is_region(name: &str) -> bool {
    Region::find(name).is_some() || EMPTY.contains(&name)
}

/// A number that is E.164 already, or one of this region.
pub(super) fn e164(text: &str, region: Option<&str>) -> Option<String> {
    let plain = |digits: &str| {
        (2..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
    };
    if text.strip_prefix('+').is_some_and(plain) {
        return Some(text.to_owned());
    }
    let region = Region::find(region?)?;
    let mut digits = String::with_capacity(text.len());
    for c in text.trim().trim_start_matches('+').chars() {
        match c {
            '0'..='9' => digits.push(c),
            // Whole words are no numbers, and letters on keys are not read.
            c if c.is_alphanumeric() => return None,
            _ => {}
        }
    }
    let national = match text.trim().starts_with('+') {
        true => digits.strip_prefix(region.code).filter(|rest| region.fits(rest))?,
        false => region.national(&digits)?,
    };
    Some(format!("+{}{national}", region.code))
}

#[derive(Debug, Clone, Copy)]
struct Region {
    code: &'static str,
    trunk: &'static str,
    begins: &'static str,
    lengths: &'static str,
}

impl Region {
    fn find(name: &str) -> Option<Self> {
        let mut lines = REGIONS.lines().filter_map(|line| line.split_once(' '));
        let (_, rest) = lines.find(|(known, _)| *known == name)?;
        let mut parts = rest.splitn(4, ' ').map(|part| if part == "-" { "" } else { part });
        Some(Self { code: parts.next()?, trunk: parts.next()?, begins: parts.next()?, lengths: parts.next()? })
    }

    /// The national number of what is dialled in the region, or from abroad without a plus.
    fn national<'d>(&self, digits: &'d str) -> Option<&'d str> {
        let abroad = ["00", "011"].into_iter().filter_map(|prefix| digits.strip_prefix(prefix));
        let mut candidates = Vec::with_capacity(4);
        candidates.extend(digits.strip_prefix(self.trunk).filter(|_| !self.trunk.is_empty()));
        candidates.push(digits);
        candidates.extend(digits.strip_prefix(self.code));
        candidates.extend(abroad.filter_map(|digits| digits.strip_prefix(self.code)));
        candidates.into_iter().find(|national| self.fits(national))
    }

    fn fits(&self, national: &str) -> bool {
        let length = national.len().to_string();
        let first = national.chars().next();
        let sized = self
            .lengths
            .split(' ')
            .filter_map(|entry| entry.split_once(':'))
            .any(|(known, firsts)| known == length && first.is_some_and(|first| firsts.contains(first)));
        sized
            && (self.begins.is_empty() || self.begins.split('|').any(|begin| national.starts_with(begin)))
            && self.is_north_american(national)
    }

    /// In the numbering plan of North America an area and an exchange begin with 2 to 9, areas do not end in 11 and have no 9 in the
    /// middle, and a number without an area of its own region is not the United States'.
    fn is_north_american(&self, national: &str) -> bool {
        let ([area, middle, last, exchange, ..], "1") = (national.as_bytes(), self.code) else {
            return self.code != "1";
        };
        let plan = *area >= b'2'
            && *exchange >= b'2'
            && *middle != b'9'
            && (*middle, *last) != (b'1', b'1')
            && !national.starts_with("555");
        let others = || {
            REGIONS.lines().filter_map(|line| line.split_once(" 1 1 ")).filter_map(|(_, rest)| rest.split(' ').next())
        };
        let taken =
            || others().flat_map(|areas| areas.split('|')).any(|area| area != "-" && national.starts_with(area));
        plan && (!self.begins.is_empty() || !taken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_becomes_e164() {
        for (text, region, expected) in [
            ("+15551234567", None, Some("+15551234567")),
            ("(202) 555-0123", Some("US"), Some("+12025550123")),
            ("1 202 555 0123", Some("US"), Some("+12025550123")),
            ("+1 (202) 555-0123", Some("US"), Some("+12025550123")),
            ("030 123456", Some("DE"), Some("+4930123456")),
            ("0049 30 123456", Some("DE"), Some("+4930123456")),
            ("07400 123456", Some("GB"), Some("+447400123456")),
            ("06 1234 5678", Some("IT"), Some("+390612345678")),
            ("416 555 0123", Some("CA"), Some("+14165550123")),
            ("416 555 0123", Some("US"), None),
            ("555 123 4567", Some("US"), None),
            ("12345", Some("US"), None),
            ("+49 30 123456", Some("US"), None),
            ("call me", Some("US"), None),
            ("2025550123", None, None),
            ("+0123456", None, None),
        ] {
            assert_eq!(e164(text, region).as_deref(), expected, "{text} {region:?}");
        }
    }

    #[test]
    fn every_region_is_read() {
        for line in REGIONS.lines() {
            let name = line.split(' ').next().expect("a name");
            let region = Region::find(name).expect("a region");
            assert!(region.code.parse::<u16>().is_ok() && region.lengths.contains(':'), "{line}");
        }
        assert!(is_region("AQ") && !is_region("XX") && !is_region("us"));
    }
}
