//! `upsertCompany`: a company is known by `segment_group_id`, a property that is made where an account has none.

use http::Method;
use serde_json::{Map, Value, json};

use super::{clean, stage, text, texts};
use crate::destination::chain::{Answer, Answers, Draft, Next, Told};
use crate::destination::{Code, Input};

/// The property that holds a group's id.
const GROUP_ID: &str = "segment_group_id";

#[derive(Debug)]
pub(in super::super) struct Company;

impl Code for Company {
    fn chains(&self) -> bool {
        true
    }

    fn next(&self, inputs: &[Input<'_>], answers: Answers<'_>) -> Next {
        let Some(payload) = inputs.first().and_then(|input| input.payload.as_object()) else { return Next::Done };
        chain(payload, answers).unwrap_or_else(|next| next)
    }
}

/// `Err` is what comes next, `Ok` the end.
fn chain(payload: &Map<String, Value>, answers: Answers<'_>) -> Result<Next, Next> {
    let mut answers = answers.told();
    let associate = payload.get("associateContact") == Some(&Value::Bool(true));
    let contact = text(payload, "contact_id");
    if payload.get("properties").is_some_and(|properties| properties.get(GROUP_ID).is_some()) {
        return Err(Next::Reject(format!("properties: {GROUP_ID} holds the group's id and cannot be set")));
    }
    if associate && contact.is_none() {
        let why = "associateContact: the contact is not known: map contact_id, or set associateContact to false";
        return Err(Next::Reject(why.into()));
    }
    let body = json!({ "properties": properties(payload) });
    let group = text(payload, "groupid").unwrap_or_default();

    let updated = answers.or(|| {
        let path = format!("/crm/v3/objects/companies/{}?idProperty={GROUP_ID}", Draft::part(group));
        Draft::new(Method::PATCH, path).json(body.clone()).ok(&[400, 404])
    })?;
    let mut id = updated.is_success().then(|| id_of(&updated)).flatten();
    if updated.status() == 400 {
        if !lacks_group_id(updated.body()) {
            return Err(Next::Reject(updated.message()));
        }
        // Another one may have made it meanwhile.
        answers.or(|| Draft::new(Method::POST, "/crm/v3/properties/companies").json(definition()).ok(&[409]))?;
    }
    if id.is_none() {
        id = found_or_made(payload, &body, &mut answers)?;
    }
    let (true, Some(contact)) = (associate, contact) else { return Ok(Next::Done) };
    let Some(id) = id else { return Ok(Next::Done) };
    let (company, contact) = (Draft::part(&id), Draft::part(contact));
    answers.or(|| {
        Draft::new(
            Method::PUT,
            format!("/crm/v3/objects/companies/{company}/associations/contacts/{contact}/company_to_contact"),
        )
    })?;
    Ok(Next::Done)
}

/// No company has the group's id: one that the search fields find gets it, or a new one is made.
fn found_or_made(payload: &Map<String, Value>, body: &Value, answers: &mut Told<'_>) -> Result<Option<String>, Next> {
    if let Some(fields) =
        payload.get("companysearchfields").and_then(Value::as_object).filter(|fields| !fields.is_empty())
    {
        let search = super::record::search(fields, &["name", "domain", "lifecyclestage", GROUP_ID], &["name"]);
        let found =
            answers.or(|| Draft::new(Method::POST, "/crm/v3/objects/companies/search").json(search).ok(&[400]))?;
        if found.status() == 400 {
            return Err(Next::Reject(format!("companysearchfields: {}", found.message())));
        }
        match found.body().get("total").and_then(Value::as_u64) {
            Some(2..) => return Err(Next::Reject("companysearchfields: more than one company fits".into())),
            Some(1) => {
                let id = found.body().pointer("/results/0/id").and_then(Value::as_str).unwrap_or_default().to_owned();
                answers.or(|| {
                    Draft::new(Method::PATCH, format!("/crm/v3/objects/companies/{}", Draft::part(&id)))
                        .json(body.clone())
                })?;
                return Ok(Some(id));
            }
            _ => {}
        }
    }
    if payload.get("createNewCompany") != Some(&Value::Bool(true)) {
        return Err(Next::Done);
    }
    let made = answers.or(|| {
        Draft::new(Method::POST, "/crm/v3/objects/companies")
            .json(json!({"properties": body["properties"], "associations": []}))
    })?;
    Ok(id_of(&made))
}

fn id_of(answer: &Answer<'_>) -> Option<String> {
    answer.text("/id").map(str::to_owned)
}

fn properties(payload: &Map<String, Value>) -> Map<String, Value> {
    let own = ["name", "description", "address", "city", "state", "zip", "domain", "phone", "industry"];
    let mut properties = texts(payload, &own);
    properties.extend(stage(payload));
    properties.extend(payload.get("numberofemployees").map(|number| ("numberofemployees".to_owned(), number.clone())));
    properties.insert(GROUP_ID.into(), payload.get("groupid").cloned().unwrap_or_default());
    if let Some(own) = payload.get("properties").and_then(Value::as_object) {
        properties.extend(clean::flat(own));
    }
    properties
}

/// Whether nothing is wrong but that the account has no such property: the message holds a list of what is.
fn lacks_group_id(body: &Value) -> bool {
    let message = body.get("message").and_then(Value::as_str).unwrap_or_default();
    let list = message.strip_prefix("Property values were not valid: ").unwrap_or(message);
    let Ok(Value::Array(list)) = serde_json::from_str(list) else { return false };
    matches!(list.as_slice(), [one] if one["name"] == GROUP_ID && one["error"] == "PROPERTY_DOESNT_EXIST")
}

fn definition() -> Value {
    json!({
        "name": GROUP_ID, "label": "Segment Group ID", "description": "The id of the group in the event stream.",
        "groupName": "companyinformation", "type": "string", "fieldType": "text", "hidden": true, "displayOrder": -1,
        "hasUniqueValue": true, "formField": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(payload: &Value, answers: &[Value]) -> Next {
        chain(payload.as_object().expect("an object"), Answers(answers)).unwrap_or_else(|next| next)
    }

    fn line(next: Next) -> String {
        match next {
            Next::Send(draft) => format!("{} {}", draft.method, draft.path),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_company_is_updated_or_found_or_made() {
        let mut payload = json!({"groupid": "g 1", "createNewCompany": true, "name": " Engines ", "companysearchfields": {"domain": "x"}});
        let missing = json!({"status": 404, "body": {}});
        let found = |total: u64| json!({"status": 200, "body": {"total": total, "results": [{"id": "7"}]}});
        assert_eq!(line(next(&payload, &[])), "PATCH /crm/v3/objects/companies/g%201?idProperty=segment_group_id");
        assert_eq!(line(next(&payload, &[json!({"status": 200, "body": {"id": "7"}})])), "Done");
        assert_eq!(line(next(&payload, std::slice::from_ref(&missing))), "POST /crm/v3/objects/companies/search");
        assert_eq!(line(next(&payload, &[missing.clone(), found(1)])), "PATCH /crm/v3/objects/companies/7");
        assert_eq!(line(next(&payload, &[missing.clone(), found(0)])), "POST /crm/v3/objects/companies");
        assert!(matches!(next(&payload, &[missing.clone(), found(2)]), Next::Reject(_)));
        payload["createNewCompany"] = false.into();
        assert_eq!(line(next(&payload, &[missing, found(0)])), "Done");
    }

    #[test]
    fn the_property_that_holds_the_groups_id_is_made_where_it_alone_is_missing() {
        let payload = json!({"groupid": "g", "createNewCompany": true});
        let refused = |reasons: Value| json!({"status": 400, "body": {"message": format!("Property values were not valid: {reasons}")}});
        let missing = json!({"name": GROUP_ID, "error": "PROPERTY_DOESNT_EXIST"});
        let other = json!({"name": "domain", "error": "INVALID"});
        assert_eq!(line(next(&payload, &[refused(json!([missing]))])), "POST /crm/v3/properties/companies");
        assert!(matches!(next(&payload, &[refused(json!([missing, other]))]), Next::Reject(_)));
        assert!(matches!(next(&payload, &[json!({"status": 400, "body": "what?"})]), Next::Reject(_)));
    }

    #[test]
    fn a_contact_is_tied_only_if_it_is_known() {
        let answers = [json!({"status": 200, "body": {"id": "7"}})];
        let payload = json!({"groupid": "g", "associateContact": true, "contact_id": "9"});
        assert_eq!(
            line(next(&payload, &answers)),
            "PUT /crm/v3/objects/companies/7/associations/contacts/9/company_to_contact"
        );
        assert!(matches!(next(&json!({"groupid": "g", "associateContact": true}), &[]), Next::Reject(_)));
        assert!(matches!(next(&json!({"groupid": "g", "properties": {GROUP_ID: "h"}}), &[]), Next::Reject(_)));
    }
}
