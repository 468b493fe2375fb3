//! Records of CSV as lines of JSON.

use crate::support::{failure, file, place, program, stdout, strange_name, unreadable};

#[test]
fn records_are_dictionaries() {
    let place = place();
    let text =
        "name,city,note\r\nAda,Bern,\"says \"\"hi\"\"\r\nand goes\"\r\nBob,Basel,\r\nCy,Bern,é";
    let path = file(place.path(), "people.csv", text);
    let ada = r#"{"city":"Bern","name":"Ada","note":"says \"hi\"\r\nand goes"}"#;
    let bob = r#"{"city":"Basel","name":"Bob","note":""}"#;
    let cy = r#"{"city":"Bern","name":"Cy","note":"é"}"#;
    let print = |arguments: &[&str]| stdout(program("csv_dictionary").args(arguments).arg(&path));
    assert_eq!(print(&[]), format!("{ada}\n{bob}\n{cy}\n"));
    assert_eq!(print(&["--where", "city=Bern"]), format!("{ada}\n{cy}\n"));
    assert_eq!(print(&["--where", "city=Bern", "--where", "name=Cy"]), format!("{cy}\n"));
    assert_eq!(print(&["--where", "city="]), "");

    let path = place.path().join(strange_name());
    std::fs::write(&path, "a;b\n1;2\n").unwrap();
    let said = stdout(program("csv_dictionary").args(["--delimiter", ";"]).arg(path));
    assert_eq!(said, "{\"a\":\"1\",\"b\":\"2\"}\n");
}

#[test]
fn long_and_many_records_pass() {
    let place = place();
    let mut text = format!("id,text\n0,{}\n", "x".repeat(5 << 20));
    for number in 1..20_000 {
        text += &format!("{number},\"a, b\"\n");
    }
    let path = file(place.path(), "large.csv", text);
    let said = stdout(program("csv_dictionary").arg(path));
    assert_eq!(said.lines().count(), 20_000);
    assert!(said.lines().next().unwrap().len() > 5 << 20);
    assert!(said.ends_with("{\"id\":\"19999\",\"text\":\"a, b\"}\n"));
}

#[test]
fn wrong_records_are_told_by_their_lines() {
    let place = place();
    let path = file(place.path(), "wrong.csv", b"a,b\n1,2\n3\n4,5,6\n7,\xff\n8,9\n");
    let (said, told) = failure(program("csv_dictionary").arg(&path), 1);
    assert_eq!(said, "{\"a\":\"1\",\"b\":\"2\"}\n{\"a\":\"8\",\"b\":\"9\"}\n");
    for expected in
        ["line: 3", "line: 4", "line 5: field 2: not UTF-8", "3 records were passed over"]
    {
        assert!(told.contains(expected), "{expected}: {told}");
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    let place = place();
    let empty = file(place.path(), "empty.csv", "");
    assert_eq!(stdout(program("csv_dictionary").arg(&empty)), "");
    let header = file(place.path(), "header.csv", "a,b");
    assert_eq!(stdout(program("csv_dictionary").arg(&header)), "");
    let mut command = program("csv_dictionary");
    let (_, told) = failure(command.args(["--where", "c=1"]).arg(&header), 1);
    assert!(told.contains("there is no column \"c\""), "{told}");
    failure(program("csv_dictionary").args(["--where", "c"]).arg(&header), 2);
    let (_, told) = failure(program("csv_dictionary").args(["--delimiter", "é"]).arg(&header), 1);
    assert!(told.contains("ASCII"), "{told}");
    let (_, told) = failure(program("csv_dictionary").arg(place.path().join("none")), 1);
    assert!(told.contains("none: No such file"), "{told}");
    let (_, told) = failure(program("csv_dictionary").arg(place.path()), 1);
    assert!(told.contains("directory"), "{told}");
    if let Some(path) = unreadable(place.path()) {
        let (_, told) = failure(program("csv_dictionary").arg(path), 1);
        assert!(told.contains("Permission denied"), "{told}");
    }
}
