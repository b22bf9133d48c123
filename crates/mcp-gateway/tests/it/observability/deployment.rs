//! The files for Docker Compose and for Kubernetes: what they name is there, and both run the same versions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{documents, path, read, yaml};

#[test]
fn images_are_pinned_and_the_same_everywhere() {
    let compose = yaml("compose.yaml");
    let mut images = BTreeMap::new();
    for (name, service) in compose["services"].as_object().unwrap() {
        let image = service["image"].as_str().unwrap();
        let (image, version) = image.rsplit_once(':').unwrap_or_else(|| panic!("{name}: {image}"));
        assert!(!["", "latest", "main"].contains(&version), "{name}: {image}:{version}");
        images.insert(image.to_owned(), version.to_owned());
    }
    let kustomization = yaml("kustomization.yaml");
    let pinned: BTreeMap<String, String> = kustomization["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| (text(&image["name"]), text(&image["newTag"])))
        .collect();
    assert_eq!(images, pinned);
    for workload in kind("Deployment") {
        for container in containers(&workload) {
            // Without a version, so that it cannot differ from the list.
            assert!(pinned.contains_key(container["image"].as_str().unwrap()), "{container}");
        }
    }
}

#[test]
fn compose_names_what_is_there() {
    let compose = yaml("compose.yaml");
    let services = compose["services"].as_object().unwrap();
    let volumes = compose["volumes"].as_object().unwrap();
    for (name, service) in services {
        for volume in list(&service["volumes"]) {
            let volume = text(&volume);
            let (source, _) = volume.split_once(':').unwrap();
            let is_there = volumes.contains_key(source) || path(source).exists();
            assert!(is_there, "{name}: {volume}");
        }
        for other in list(&service["depends_on"]) {
            assert!(services.contains_key(other.as_str().unwrap()), "{name}: {other}");
        }
        for port in list(&service["ports"]) {
            assert!(text(&port).starts_with("127.0.0.1:"), "{name}: {port} is open to others");
        }
    }
    let build = &services["gateway"]["build"];
    let context = path(build["context"].as_str().unwrap());
    assert!(context.join(build["dockerfile"].as_str().unwrap()).exists());
}

/// Every host in a configuration file is a service of both.
#[test]
fn hosts_are_services() {
    let compose = yaml("compose.yaml");
    let in_compose: BTreeSet<String> =
        compose["services"].as_object().unwrap().keys().cloned().collect();
    let in_kubernetes: BTreeSet<String> =
        kind("Service").iter().map(|service| text(&service["metadata"]["name"])).collect();
    assert_eq!(in_compose, in_kubernetes);
    let files = [
        "config.yaml",
        "collector.yaml",
        "prometheus/prometheus.yaml",
        "grafana/provisioning/datasources.yaml",
        "compose.yaml",
    ];
    let mut count = 0;
    for file in files {
        for rest in read(file).split("http://").skip(1) {
            let host = rest.split(':').next().unwrap();
            assert!(in_compose.contains(host), "{file}: {host}");
            count += 1;
        }
    }
    assert!(count >= 8, "{count}");
}

#[test]
fn kubernetes_names_what_is_there() {
    let kustomization = yaml("kustomization.yaml");
    let mut maps = BTreeSet::new();
    for map in list(&kustomization["configMapGenerator"]) {
        for file in list(&map["files"]) {
            let file = text(&file);
            let source = file.split_once('=').map_or(file.as_str(), |(_, source)| source);
            assert!(path(source).is_file(), "{file}");
        }
        maps.insert(text(&map["name"]));
    }
    let resources: BTreeSet<String> = list(&kustomization["resources"]).iter().map(text).collect();
    let present: BTreeSet<String> = std::fs::read_dir(path("kubernetes"))
        .unwrap()
        .flatten()
        .map(|entry| format!("kubernetes/{}", entry.file_name().into_string().unwrap()))
        .collect();
    assert_eq!(resources, present);
    let mut used = BTreeSet::new();
    for workload in kind("Deployment") {
        let template = &workload["spec"]["template"];
        assert_eq!(
            workload["spec"]["selector"]["matchLabels"], template["metadata"]["labels"],
            "{}",
            workload["metadata"]["name"]
        );
        for volume in list(&template["spec"]["volumes"]) {
            if let Some(map) = volume["configMap"]["name"].as_str() {
                assert!(maps.contains(map), "no file makes {map}");
                used.insert(map.to_owned());
            }
        }
    }
    assert_eq!(used, maps);
    for service in kind("Service") {
        check_service(&service);
    }
}

/// A service sends to ports that its deployment has.
fn check_service(service: &Value) {
    let name = &service["metadata"]["name"];
    let workload = kind("Deployment")
        .into_iter()
        .find(|workload| {
            workload["spec"]["template"]["metadata"]["labels"] == service["spec"]["selector"]
        })
        .unwrap_or_else(|| panic!("{name} selects nothing"));
    let containers = containers(&workload);
    for port in list(&service["spec"]["ports"]) {
        let ports = containers.iter().flat_map(|container| list(&container["ports"]));
        let mut names = ports.map(|port| port["name"].clone());
        assert!(names.any(|name| name == port["targetPort"]), "{name}: {port}");
    }
}

/// The Dockerfile builds with a compiler that the workspace takes.
#[test]
fn the_image_is_built_with_a_rust_that_is_new_enough() {
    let manifest = include_str!("../../../../../Cargo.toml");
    let (_, version) = manifest.split_once("rust-version = \"").unwrap();
    let version = version.split('"').next().unwrap();
    assert!(read("Dockerfile").contains(&format!("FROM rust:{version}-")), "{version}");
}

fn kind(kind: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for resource in list(&yaml("kustomization.yaml")["resources"]) {
        all.extend(documents(resource.as_str().unwrap()));
    }
    all.retain(|document| document["kind"] == kind);
    assert!(!all.is_empty(), "{kind}");
    all
}

fn containers(workload: &Value) -> Vec<Value> {
    list(&workload["spec"]["template"]["spec"]["containers"])
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
