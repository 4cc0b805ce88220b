//! The AWS SDK itself on tapes: signing and retries are above the recorder.

use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{Credentials, Region};
use aws_sdk_sts::error::SdkError;
use recorder_tests::origin::{Origin, Reply};
use traffic_recorder::{Mode, Recorder, Tapes};

const IDENTITY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
    <Arn>arn:aws:iam::123456789012:user/ann</Arn><UserId>AIDAFAKE</UserId><Account>123456789012</Account>\
    </GetCallerIdentityResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>";

fn client(tapes: &Tapes, origin: &Origin) -> aws_sdk_sts::Client {
    let retries = RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1));
    let config = aws_sdk_sts::Config::builder()
        .region(Region::from_static("eu-central-1"))
        .endpoint_url(origin.url("/"))
        .credentials_provider(Credentials::new("AKIDFAKE", "fake-secret-access-key", None, None, "a test"))
        .retry_config(retries)
        .http_client(tapes.aws(aws_smithy_http_client::Builder::new().build_http()))
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

fn tapes(folder: &std::path::Path, mode: Mode) -> Tapes {
    Recorder::at(folder.join("identity")).mode(mode).open().expect("tapes")
}

#[tokio::test]
async fn r92_the_sdk_is_recorded_with_its_retries_and_replayed_without_a_service() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    origin.on("/", |request| match request.nth {
        1 => Reply::new(503).body("slow down"),
        _ => Reply::new(200).header("content-type", "text/xml").body(IDENTITY),
    });
    let run = async |mode| {
        let tapes = tapes(folder.path(), mode);
        let identity = client(&tapes, &origin).get_caller_identity().send().await.unwrap();
        tapes.finish().unwrap();
        identity.account.unwrap()
    };
    assert_eq!(run(Mode::Record).await, "123456789012");
    assert_eq!(origin.hits(), 2, "one attempt failed");
    let file = std::fs::read_dir(folder.path().join("identity")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains("status: 503") && text.contains("status: 200"), "{text}");
    assert!(text.contains("authorization: AWS4-HMAC-SHA256 {{secret:") && !text.contains("AKIDFAKE"), "{text}");

    let origin = Origin::start();
    let tapes = tapes(folder.path(), Mode::Replay);
    let identity = client(&tapes, &origin).get_caller_identity().send().await.unwrap();
    tapes.finish().unwrap();
    assert_eq!((identity.account.as_deref(), origin.hits()), (Some("123456789012"), 0));
}

#[tokio::test]
async fn r09_a_miss_is_the_users_error_and_not_retried() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let tapes = tapes(folder.path(), Mode::Replay);
    let error = client(&tapes, &origin).get_caller_identity().send().await.unwrap_err();
    let SdkError::DispatchFailure(failure) = &error else { panic!("{error:?}") };
    assert!(failure.is_user() && !failure.is_timeout(), "{failure:?}");
    let miss = tapes.finish().unwrap_err();
    assert_eq!((miss.code(), origin.hits()), ("miss", 0));
}
