# Who may come in, and what is watched: devices, certificates and keys of users,
# identity providers, hosts and pods, and Access Analyzer over them. The files
# beside it (certificates, a key, a provider's metadata) come with the caller.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "stage" {
  type    = string
  default = "test"
}

provider "aws" {
  region = "us-east-1"
  default_tags {
    tags = { managed-by = "terraform" }
  }
}

data "aws_caller_identity" "me" {}

locals {
  live = var.stage == "live"
}

# The account.

resource "aws_organizations_organization" "this" {
  aws_service_access_principals = ["iam.amazonaws.com"]
}

resource "aws_iam_organizations_features" "this" {
  enabled_features = local.live ? ["RootCredentialsManagement"] : ["RootCredentialsManagement", "RootSessions"]
  depends_on       = [aws_organizations_organization.this]
}

resource "aws_iam_account_alias" "this" {
  account_alias = "bartizan-identity"
}

resource "aws_iam_account_password_policy" "this" {
  minimum_password_length = local.live ? 20 : 12
  hard_expiry             = local.live
  max_password_age        = 30
}

resource "aws_iam_security_token_service_preferences" "this" {
  global_endpoint_token_version = local.live ? "v1Token" : "v2Token"
}

# A user with everything that a user can hold.

resource "aws_iam_user" "dev" {
  name          = "dev"
  path          = "/people/"
  force_destroy = true # the user goes with all that others gave it
  tags          = { stage = var.stage }
}

resource "aws_iam_access_key" "dev" {
  user = aws_iam_user.dev.name
}

resource "aws_iam_user_login_profile" "dev" {
  user            = aws_iam_user.dev.name
  password_length = 30
}

resource "aws_iam_virtual_mfa_device" "dev" {
  virtual_mfa_device_name = "dev"
  path                    = "/people/"
  tags                    = { stage = var.stage }
}

resource "aws_iam_signing_certificate" "dev" {
  user_name        = aws_iam_user.dev.name
  certificate_body = file("${path.module}/user.pem")
  status           = local.live ? "Inactive" : "Active"
}

resource "aws_iam_user_ssh_key" "dev" {
  username   = aws_iam_user.dev.name
  encoding   = "SSH"
  public_key = file("${path.module}/user.pub")
  status     = local.live ? "Inactive" : "Active"
}

resource "aws_iam_service_specific_credential" "git" {
  user_name    = aws_iam_user.dev.name
  service_name = "codecommit.amazonaws.com"
  status       = local.live ? "Inactive" : "Active"
}

# Certificates and identity providers.

resource "aws_iam_server_certificate" "www" {
  name              = local.live ? "www-live" : "www"
  path              = "/cloudfront/"
  certificate_body  = file("${path.module}/server.pem")
  certificate_chain = file("${path.module}/ca.pem")
  private_key       = file("${path.module}/server.key")
  tags              = { use = "www" } # the provider cannot rename and tag at once: it tags first, by the new name
}

resource "aws_iam_openid_connect_provider" "ci" {
  url             = "https://token.actions.githubusercontent.com"
  client_id_list  = local.live ? ["sts.amazonaws.com", "ci-live"] : ["sts.amazonaws.com", "ci-test"]
  thumbprint_list = local.live ? ["1c58a3a8518e8759bf075b76b750d4f2df264fcd"] : ["6938fd4d98bab03faadb97b34396831e3780aea1"]
  tags            = { stage = var.stage }
}

resource "aws_iam_saml_provider" "directory" {
  name                   = "directory"
  saml_metadata_document = file("${path.module}/${var.stage}.xml")
  tags                   = { stage = var.stage }
}

data "aws_iam_policy_document" "federated" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.ci.arn]
    }
    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:bartizan/*:ref:refs/heads/main"]
    }
  }
  statement {
    actions = ["sts:AssumeRoleWithSAML"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_saml_provider.directory.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "SAML:aud"
      values   = ["https://signin.aws.amazon.com/saml"]
    }
  }
}

resource "aws_iam_role" "federated" {
  name               = "federated"
  path               = "/identity/"
  assume_role_policy = data.aws_iam_policy_document.federated.json
}

resource "aws_iam_service_linked_role" "autoscaling" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "identity"
  description      = "Of ${var.stage}"
  tags             = { stage = var.stage }
}

# Hosts and pods.

data "aws_iam_policy_document" "host" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    principals {
      type        = "Service"
      identifiers = ["rolesanywhere.amazonaws.com", "pods.eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "host" {
  for_each           = toset(["host", "pod"])
  name               = each.key
  path               = "/identity/"
  assume_role_policy = data.aws_iam_policy_document.host.json
}

resource "aws_rolesanywhere_trust_anchor" "ca" {
  name    = "ca-${var.stage}"
  enabled = !local.live
  source {
    source_type = "CERTIFICATE_BUNDLE"
    source_data { x509_certificate_data = file("${path.module}/ca.pem") }
  }
  dynamic "notification_settings" {
    for_each = local.live ? { CA_CERTIFICATE_EXPIRY = 30, END_ENTITY_CERTIFICATE_EXPIRY = 10 } : {}
    content {
      channel   = "ALL"
      enabled   = true
      event     = notification_settings.key
      threshold = notification_settings.value
    }
  }
  tags = { stage = var.stage }
}

resource "aws_rolesanywhere_profile" "host" {
  name             = "host"
  enabled          = local.live
  role_arns        = local.live ? [for r in aws_iam_role.host : r.arn] : [aws_iam_role.host["host"].arn]
  duration_seconds = local.live ? 900 : 7200
  session_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = local.live ? "s3:GetObject" : "s3:*", Resource = "*" }]
  })
  managed_policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  tags                = { stage = var.stage }
}

resource "aws_rolesanywhere_profile" "empty" {
  name      = "empty"
  role_arns = local.live ? [aws_iam_role.host["host"].arn] : null # a profile may be without roles
}

resource "aws_eks_pod_identity_association" "api" {
  cluster_name    = "prod"
  namespace       = "default"
  service_account = "api"
  role_arn        = aws_iam_role.host[local.live ? "host" : "pod"].arn
  tags            = { stage = var.stage }
}

# What is watched.

resource "aws_accessanalyzer_analyzer" "external" {
  analyzer_name = "external"
  tags          = { stage = var.stage }
}

resource "aws_accessanalyzer_analyzer" "unused" {
  analyzer_name = "unused"
  type          = "ACCOUNT_UNUSED_ACCESS"
  configuration {
    unused_access {
      unused_access_age = 60
      analysis_rule {
        exclusion {
          resource_tags = [{ stage = var.stage }]
        }
      }
    }
  }
}

resource "aws_accessanalyzer_archive_rule" "directory" {
  analyzer_name = aws_accessanalyzer_analyzer.external.analyzer_name
  rule_name     = "directory"
  filter {
    criteria = "principal.Federated"
    eq       = local.live ? [aws_iam_saml_provider.directory.arn, aws_iam_openid_connect_provider.ci.arn] : [aws_iam_saml_provider.directory.arn]
  }
  filter {
    criteria = "isPublic"
    eq       = ["false"]
  }
  filter {
    criteria = "error"
    exists   = "false"
  }
}

# What data sources say of it.

data "aws_iam_access_keys" "dev" {
  user       = aws_iam_user.dev.name
  depends_on = [aws_iam_access_key.dev]
}

data "aws_iam_user" "dev" {
  user_name = aws_iam_user.dev.name
}

data "aws_iam_users" "people" {
  path_prefix = "/people/"
  depends_on  = [aws_iam_user.dev]
}

data "aws_iam_roles" "identity" {
  path_prefix = "/identity/"
  name_regex  = "^(host|pod)$"
  depends_on  = [aws_iam_role.host]
}

data "aws_iam_user_ssh_key" "dev" {
  username          = aws_iam_user.dev.name
  ssh_public_key_id = aws_iam_user_ssh_key.dev.ssh_public_key_id
  encoding          = "PEM"
}

data "aws_iam_account_alias" "this" {
  depends_on = [aws_iam_account_alias.this]
}

data "aws_iam_server_certificate" "www" {
  name_prefix = "www"
  path_prefix = "/cloudfront/"
  latest      = true
  depends_on  = [aws_iam_server_certificate.www]
}

data "aws_iam_openid_connect_provider" "ci" {
  url        = "https://token.actions.githubusercontent.com"
  depends_on = [aws_iam_openid_connect_provider.ci]
}

data "aws_iam_saml_provider" "directory" {
  arn = aws_iam_saml_provider.directory.arn
}

data "aws_iam_session_context" "role" {
  arn        = "arn:aws:sts::${data.aws_caller_identity.me.account_id}:assumed-role/federated/session"
  depends_on = [aws_iam_role.federated]
}

data "aws_iam_principal_policy_simulation" "dev" {
  policy_source_arn = aws_iam_user.dev.arn
  action_names      = ["iam:ListUsers"]
  additional_policies_json = [jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:List*", Resource = "*" }]
  })]
}

output "seen" {
  value = {
    keys      = [for k in data.aws_iam_access_keys.dev.access_keys : k.status]
    people    = data.aws_iam_users.people.names
    roles     = sort(data.aws_iam_roles.identity.names)
    alias     = data.aws_iam_account_alias.this.account_alias
    www       = data.aws_iam_server_certificate.www.name
    clients   = sort(data.aws_iam_openid_connect_provider.ci.client_id_list)
    directory = data.aws_iam_saml_provider.directory.name
    issuer    = data.aws_iam_session_context.role.issuer_name
    allowed   = data.aws_iam_principal_policy_simulation.dev.all_allowed
    stage     = data.aws_iam_user.dev.tags["stage"]
  }
}

output "seed" {
  value     = aws_iam_virtual_mfa_device.dev.base_32_string_seed
  sensitive = true
}

# What `terraform import` takes.
output "ids" {
  value = {
    "aws_accessanalyzer_analyzer.external"      = aws_accessanalyzer_analyzer.external.id
    "aws_accessanalyzer_archive_rule.directory" = aws_accessanalyzer_archive_rule.directory.id
    "aws_eks_pod_identity_association.api"      = "prod,${aws_eks_pod_identity_association.api.association_id}"
    "aws_iam_openid_connect_provider.ci"        = aws_iam_openid_connect_provider.ci.id
    "aws_iam_organizations_features.this"       = aws_iam_organizations_features.this.id
    "aws_iam_saml_provider.directory"           = aws_iam_saml_provider.directory.id
    "aws_iam_service_linked_role.autoscaling"   = aws_iam_service_linked_role.autoscaling.id
    "aws_iam_user_ssh_key.dev"                  = "dev:${aws_iam_user_ssh_key.dev.ssh_public_key_id}:SSH"
    "aws_rolesanywhere_profile.host"            = aws_rolesanywhere_profile.host.id
    "aws_rolesanywhere_trust_anchor.ca"         = aws_rolesanywhere_trust_anchor.ca.id
  }
}
