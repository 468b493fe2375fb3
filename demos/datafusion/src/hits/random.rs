//! Random values of the kinds that the columns hold.

const HOSTS: [&str; 8] = ["shop", "news", "google", "video", "forum", "auto", "realty", "maps"];
const WORDS: [&str; 16] = [
    "summer", "house", "cheap", "car", "music", "river", "photo", "weather", "city", "recipe",
    "game", "free", "winter", "school", "map", "train",
];
const WIDTHS: [i16; 6] = [1024, 1280, 1366, 1440, 1600, 1920];

/// A generator (SplitMix64) with its state.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> usize {
        (self.word() % bound) as usize
    }

    pub(super) fn one_in(&mut self, many: u64) -> bool {
        self.word().is_multiple_of(many)
    }

    /// Below the bound, and small more often than large.
    pub(super) fn skewed(&mut self, bound: u32) -> i64 {
        let share = (self.word() >> 11) as f64 / (1_u64 << 53) as f64;
        (share * share * f64::from(bound)) as i64
    }

    pub(super) fn width(&mut self) -> i16 {
        WIDTHS[self.below(WIDTHS.len() as u64)]
    }

    pub(super) fn advertiser(&mut self) -> i16 {
        if self.one_in(25) { 1 + self.below(60) as i16 } else { 0 }
    }

    pub(super) fn url(&mut self) -> String {
        // The first ones are visited by most.
        let host = HOSTS[self.skewed(HOSTS.len() as u32) as usize];
        let (page, number) = (self.word() >> 24, self.below(100_000));
        format!("http://{host}.example/{}/{page:x}.html?id={number}", self.words(1))
    }

    pub(super) fn referer(&mut self) -> String {
        if self.one_in(3) { String::new() } else { self.url() }
    }

    pub(super) fn phrase(&mut self) -> String {
        if self.one_in(5) { self.words(3) } else { String::new() }
    }

    pub(super) fn words(&mut self, many: usize) -> String {
        let words: Vec<&str> = (0..many).map(|_| WORDS[self.below(WORDS.len() as u64)]).collect();
        words.join(" ")
    }
}
