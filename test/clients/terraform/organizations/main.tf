# An organization as a team would write it: OUs, accounts, policies of several
# types at several levels, a delegated administrator and a delegation policy.

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
}

resource "aws_organizations_organization" "this" {
  feature_set                   = "ALL"
  aws_service_access_principals = ["access-analyzer.amazonaws.com", "guardduty.amazonaws.com", "ram.amazonaws.com"]
  enabled_policy_types          = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY", "BACKUP_POLICY"]
}

locals {
  root = aws_organizations_organization.this.roots[0].id
}

resource "aws_organizations_organizational_unit" "security" {
  name      = "Security"
  parent_id = local.root
}

resource "aws_organizations_organizational_unit" "workloads" {
  name      = "Workloads"
  parent_id = local.root
  tags      = { stage = var.stage }
}

resource "aws_organizations_organizational_unit" "stage" {
  name      = "stage-${var.stage}"
  parent_id = aws_organizations_organizational_unit.workloads.id
}

resource "aws_organizations_account" "audit" {
  name      = "Audit"
  email     = "audit@example.com"
  role_name = "Admin"
  parent_id = aws_organizations_organizational_unit.security.id
  tags      = { stage = var.stage }
  lifecycle { ignore_changes = [role_name] } # the API does not tell it
}

resource "aws_organizations_account" "app" {
  name      = "App"
  email     = "app@example.com"
  parent_id = aws_organizations_organizational_unit.stage.id
}

data "aws_iam_policy_document" "guard" {
  statement {
    effect    = "Deny"
    actions   = var.stage == "test" ? ["organizations:LeaveOrganization"] : ["organizations:LeaveOrganization", "iam:CreateUser"]
    resources = ["*"]
  }
}

resource "aws_organizations_policy" "guard" {
  name        = "guard"
  description = "What no account may do"
  content     = data.aws_iam_policy_document.guard.json
  tags        = { stage = var.stage }

  depends_on = [aws_organizations_organization.this]
}

resource "aws_organizations_policy_attachment" "guard" {
  policy_id = aws_organizations_policy.guard.id
  target_id = aws_organizations_organizational_unit.workloads.id
}

resource "aws_organizations_policy_attachment" "guard_audit" {
  policy_id = aws_organizations_policy.guard.id
  target_id = aws_organizations_account.audit.id
}

resource "aws_organizations_policy" "perimeter" {
  name = "perimeter"
  type = "RESOURCE_CONTROL_POLICY"
  content = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny", Principal = "*", Action = "sts:AssumeRole", Resource = "*"
      Condition = { StringNotEqualsIfExists = { "aws:PrincipalOrgID" = aws_organizations_organization.this.id } }
    }]
  })
}

resource "aws_organizations_policy_attachment" "perimeter" {
  policy_id = aws_organizations_policy.perimeter.id
  target_id = local.root
}

resource "aws_organizations_policy" "tags" {
  name    = "tags"
  type    = "TAG_POLICY"
  content = jsonencode({ tags = { stage = { tag_key = { "@@assign" = "stage" }, tag_value = { "@@assign" = ["test", "live"] } } } })

  depends_on = [aws_organizations_organization.this]
}

resource "aws_organizations_policy_attachment" "tags" {
  policy_id = aws_organizations_policy.tags.id
  target_id = local.root
}

resource "aws_organizations_delegated_administrator" "guardduty" {
  account_id        = aws_organizations_account.audit.id
  service_principal = "guardduty.amazonaws.com"
}

resource "aws_accessanalyzer_analyzer" "external" {
  analyzer_name = "organization"
  type          = "ORGANIZATION"
  tags          = { stage = var.stage }

  depends_on = [aws_organizations_organization.this]
}

resource "aws_accessanalyzer_analyzer" "unused" {
  analyzer_name = "organization-unused"
  type          = "ORGANIZATION_UNUSED_ACCESS"
  configuration {
    unused_access {
      unused_access_age = 180
      analysis_rule {
        exclusion { account_ids = [aws_organizations_account.audit.id] }
        exclusion { resource_tags = [{ stage = var.stage }, { team = "infra" }] }
      }
    }
  }
}

resource "aws_organizations_resource_policy" "this" {
  content = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Tags", Effect = "Allow", Principal = { AWS = "arn:aws:iam::${aws_organizations_account.audit.id}:root" }
      Action    = ["organizations:CreatePolicy", "organizations:ListPolicies"], Resource = "*"
      Condition = { StringEquals = { "organizations:PolicyType" = ["TAG_POLICY"] } }
    }]
  })
}

data "aws_organizations_policies_for_target" "workloads" {
  target_id  = aws_organizations_organizational_unit.workloads.id
  filter     = "SERVICE_CONTROL_POLICY"
  depends_on = [aws_organizations_policy_attachment.guard]
}

data "aws_organizations_organization" "this" {
  depends_on = [aws_organizations_account.audit, aws_organizations_account.app]
}

data "aws_organizations_organizational_units" "top" {
  parent_id  = local.root
  depends_on = [aws_organizations_organizational_unit.security, aws_organizations_organizational_unit.workloads]
}

data "aws_organizations_organizational_unit" "workloads" {
  parent_id = local.root
  name      = aws_organizations_organizational_unit.workloads.name
}

data "aws_organizations_organizational_unit_descendant_organizational_units" "all" {
  parent_id  = local.root
  depends_on = [aws_organizations_organizational_unit.security, aws_organizations_organizational_unit.stage]
}

data "aws_organizations_organizational_unit_child_accounts" "security" {
  parent_id  = aws_organizations_organizational_unit.security.id
  depends_on = [aws_organizations_account.audit]
}

data "aws_organizations_organizational_unit_descendant_accounts" "workloads" {
  parent_id  = aws_organizations_organizational_unit.workloads.id
  depends_on = [aws_organizations_account.app]
}

data "aws_organizations_policies" "scp" {
  filter     = "SERVICE_CONTROL_POLICY"
  depends_on = [aws_organizations_policy.guard]
}

data "aws_organizations_policy" "full" {
  policy_id  = "p-FullAWSAccess"
  depends_on = [aws_organizations_organization.this]
}

data "aws_organizations_delegated_administrators" "guardduty" {
  service_principal = "guardduty.amazonaws.com"
  depends_on        = [aws_organizations_delegated_administrator.guardduty]
}

data "aws_organizations_delegated_services" "audit" {
  account_id = aws_organizations_delegated_administrator.guardduty.account_id
}

data "aws_organizations_resource_tags" "audit" {
  resource_id = aws_organizations_account.audit.id
}

output "seen" {
  value = {
    accounts    = sort(data.aws_organizations_organization.this.accounts[*].name)
    services    = data.aws_organizations_organization.this.aws_service_access_principals
    units       = sort(data.aws_organizations_organizational_units.top.children[*].name)
    workloads   = data.aws_organizations_organizational_unit.workloads.id == aws_organizations_organizational_unit.workloads.id
    descendants = sort(data.aws_organizations_organizational_unit_descendant_organizational_units.all.children[*].name)
    security    = data.aws_organizations_organizational_unit_child_accounts.security.accounts[*].email
    app         = data.aws_organizations_organizational_unit_descendant_accounts.workloads.accounts[*].email
    policies    = length(data.aws_organizations_policies.scp.ids)
    managed     = data.aws_organizations_policy.full.aws_managed
    delegated   = data.aws_organizations_delegated_administrators.guardduty.delegated_administrators[*].name
    delegations = data.aws_organizations_delegated_services.audit.delegated_services[*].service_principal
    stage       = data.aws_organizations_resource_tags.audit.tags["stage"]
  }
}

output "organization" {
  value = aws_organizations_organization.this.id
}

output "accounts" {
  value = [aws_organizations_account.audit.id, aws_organizations_account.app.id]
}

output "workloads" {
  value = data.aws_organizations_policies_for_target.workloads.ids
}
