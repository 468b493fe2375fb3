//! The queries, each of a kind that ClickBench has.

/// One query over the table `hits`.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

const fn query(name: &'static str, sql: &'static str) -> Query {
    Query { name, sql }
}

pub(crate) const QUERIES: [Query; 10] = [
    query("count", "SELECT COUNT(*) FROM hits"),
    query("filtered count", r#"SELECT COUNT(*) FROM hits WHERE "AdvEngineID" <> 0"#),
    query(
        "sums",
        r#"SELECT SUM("AdvEngineID"), COUNT(*), AVG("ResolutionWidth"), SUM("Age") FROM hits"#,
    ),
    query(
        "group by, 2 columns",
        r#"SELECT "RegionID", SUM("AdvEngineID"), COUNT(*) AS c FROM hits
           GROUP BY "RegionID" ORDER BY c DESC, "RegionID" LIMIT 10"#,
    ),
    query("distinct users", r#"SELECT COUNT(DISTINCT "UserID") FROM hits"#),
    query(
        "top phrases",
        r#"SELECT "SearchPhrase", COUNT(*) AS c FROM hits WHERE "SearchPhrase" <> ''
           GROUP BY "SearchPhrase" ORDER BY c DESC, "SearchPhrase" LIMIT 10"#,
    ),
    query("like, 1 string column", r#"SELECT COUNT(*) FROM hits WHERE "URL" LIKE '%google%'"#),
    query(
        "two hours, pruned",
        r#"SELECT COUNT(*), SUM("ResolutionWidth"), MAX("URL") FROM hits
           WHERE "EventTime" >= TIMESTAMP '2013-07-01T01:00:00'
             AND "EventTime" < TIMESTAMP '2013-07-01T03:00:00'"#,
    ),
    query(
        "one user, narrow",
        r#"SELECT "UserID", "EventTime" FROM hits WHERE "UserID" = 43000000301"#,
    ),
    query("all columns", "SELECT * FROM hits"),
];
