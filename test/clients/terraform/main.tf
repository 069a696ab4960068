# An IAM module as a team would write it: people, groups, roles for machines
# and for people, policies, boundaries, keys and the account's own settings.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "team" {
  type    = string
  default = "red"
}

provider "aws" {
  region = "us-east-1"
  default_tags {
    tags = { managed-by = "terraform" }
  }
}

data "aws_caller_identity" "me" {}

data "aws_partition" "here" {}

locals {
  account = data.aws_caller_identity.me.account_id
  people  = toset(["alice", "bob", "carol"])
}

data "aws_iam_policy_document" "boundary" {
  statement {
    sid       = "Everything"
    actions   = ["*"]
    resources = ["*"]
  }
  statement {
    sid       = "ButBilling"
    effect    = "Deny"
    actions   = ["billing:*", "organizations:LeaveOrganization"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "own_key" {
  statement {
    actions   = ["iam:*AccessKey*", "iam:GetUser", "iam:ChangePassword"]
    resources = ["arn:${data.aws_partition.here.partition}:iam::${local.account}:user/*/$${aws:username}"]
  }
  statement {
    actions   = ["iam:ListUsers"]
    resources = ["*"]
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/team"
      values   = [var.team, "blue"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

data "aws_iam_policy_document" "machines" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "operators" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = [for u in aws_iam_user.person : u.arn]
    }
    condition {
      test     = "StringLike"
      variable = "sts:RoleSessionName"
      values   = ["$${aws:username}"]
    }
  }
}

data "aws_iam_policy" "read_only" {
  name = "IAMReadOnlyAccess"
}

resource "aws_iam_account_alias" "this" {
  account_alias = "bartizan-example"
}

resource "aws_iam_account_password_policy" "this" {
  minimum_password_length        = 14
  require_lowercase_characters   = true
  require_uppercase_characters   = true
  require_numbers                = true
  require_symbols                = true
  allow_users_to_change_password = true
  max_password_age               = 90
  password_reuse_prevention      = 5
}

resource "aws_iam_policy" "boundary" {
  name        = "boundary"
  path        = "/guard/"
  description = "What nobody may step over"
  policy      = data.aws_iam_policy_document.boundary.json
}

resource "aws_iam_policy" "own_key" {
  name_prefix = "own-key-"
  policy      = data.aws_iam_policy_document.own_key.json
  tags        = { team = var.team }
}

resource "aws_iam_policy" "assume" {
  name = "assume"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Resource = aws_iam_role.operator.arn }]
  })
}

resource "aws_iam_policy" "everywhere" {
  name   = "everywhere"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:GetCallerIdentity", Resource = "*" }] })
}

resource "aws_iam_user" "person" {
  for_each             = local.people
  name                 = each.key
  path                 = "/people/"
  permissions_boundary = aws_iam_policy.boundary.arn
  tags                 = { team = var.team, name = each.key }
}

resource "aws_iam_user" "robot" {
  name          = "robot"
  force_destroy = true # looks for keys, devices and certificates before it deletes
}

resource "aws_iam_access_key" "robot" {
  user = aws_iam_user.robot.name
}

resource "aws_iam_access_key" "old" {
  user   = aws_iam_user.robot.name
  status = "Inactive"
}

resource "aws_iam_user_policy" "robot" {
  name   = "list"
  user   = aws_iam_user.robot.name
  policy = jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Action = "iam:List*", Resource = "*" } })
}

resource "aws_iam_user_policy_attachment" "robot" {
  user       = aws_iam_user.robot.name
  policy_arn = data.aws_iam_policy.read_only.arn
}

resource "aws_iam_user_login_profile" "alice" {
  user                    = aws_iam_user.person["alice"].name
  password_length         = 24
  password_reset_required = true
}

resource "aws_iam_group" "developers" {
  name = "developers"
  path = "/teams/"
}

resource "aws_iam_group" "admins" {
  name = "admins"
}

resource "aws_iam_group_membership" "developers" {
  name  = "developers"
  group = aws_iam_group.developers.name
  users = [for u in aws_iam_user.person : u.name]
}

resource "aws_iam_user_group_membership" "alice" {
  user   = aws_iam_user.person["alice"].name
  groups = [aws_iam_group.admins.name]
}

resource "aws_iam_group_policy" "developers" {
  name   = "own-key"
  group  = aws_iam_group.developers.name
  policy = data.aws_iam_policy_document.own_key.json
}

resource "aws_iam_group_policy_attachment" "admins" {
  group      = aws_iam_group.admins.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/AdministratorAccess"
}

resource "aws_iam_group_policy_attachment" "developers" {
  group      = aws_iam_group.developers.name
  policy_arn = aws_iam_policy.assume.arn
}

resource "aws_iam_role" "machine" {
  name               = "machine"
  path               = "/service/"
  description        = "Machines, and nobody else"
  assume_role_policy = data.aws_iam_policy_document.machines.json
  tags               = { team = var.team }
}

resource "aws_iam_role" "operator" {
  name                  = "operator"
  assume_role_policy    = data.aws_iam_policy_document.operators.json
  max_session_duration  = 7200
  permissions_boundary  = aws_iam_policy.boundary.arn
  force_detach_policies = true
}

resource "aws_iam_role_policy" "machine" {
  name   = "identify"
  role   = aws_iam_role.machine.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["sts:GetCallerIdentity"], Resource = "*" }] })
}

resource "aws_iam_role_policy_attachment" "machine" {
  role       = aws_iam_role.machine.name
  policy_arn = aws_iam_policy.own_key.arn
}

resource "aws_iam_role_policy_attachments_exclusive" "operator" {
  role_name   = aws_iam_role.operator.name
  policy_arns = [data.aws_iam_policy.read_only.arn]
}

resource "aws_iam_role" "auditor" {
  name = "auditor"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = ["arn:aws:iam::${local.account}:root"] }
      Condition = { StringEquals = { "sts:ExternalId" = "e-42" } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "auditor" {
  role       = aws_iam_role.auditor.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/SecurityAudit"
}

resource "aws_iam_role_policies_exclusive" "auditor" {
  role_name    = aws_iam_role.auditor.name
  policy_names = []
}

resource "aws_iam_instance_profile" "machine" {
  name = "machine"
  role = aws_iam_role.machine.name
  tags = { team = var.team }
}

resource "aws_iam_policy_attachment" "everywhere" {
  name       = "everywhere"
  users      = [aws_iam_user.robot.name]
  roles      = [aws_iam_role.machine.name]
  policy_arn = aws_iam_policy.everywhere.arn
}

data "aws_iam_role" "operator" {
  name       = "operator"
  depends_on = [aws_iam_role.operator]
}

data "aws_iam_group" "developers" {
  group_name = aws_iam_group.developers.name
  depends_on = [aws_iam_group_membership.developers]
}

output "account" { value = local.account }

output "developers" { value = sort([for u in data.aws_iam_group.developers.users : u.user_name]) }

output "robot" {
  value     = { id = aws_iam_access_key.robot.id, secret = aws_iam_access_key.robot.secret }
  sensitive = true
}
