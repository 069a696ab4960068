# Keys of every origin that Terraform can make, who may use them, and what the
# data sources tell of them.

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

variable "expiry" { # of the key's material, at most 365 days from now
  type = string
}

provider "aws" {
  region = "us-east-1"
  default_tags {
    tags = { managed-by = "terraform" }
  }
}

provider "aws" {
  alias  = "ireland"
  region = "eu-west-1"
}

data "aws_caller_identity" "me" {}

locals {
  live = var.stage == "live"
  root = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Root", Effect = "Allow", Principal = { AWS = local.root }, Action = "kms:*", Resource = "*" },
      { Sid = "Use", Effect = "Allow", Principal = { AWS = aws_iam_role.app.arn }, Action = local.live ? ["kms:Decrypt", "kms:Encrypt"] : ["kms:Decrypt"], Resource = "*" },
    ]
  })
}

resource "aws_iam_role" "app" {
  name = "app"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = local.root }, Action = "sts:AssumeRole" }]
  })
}

# Keys.

resource "aws_kms_key" "data" {
  description             = "data of ${var.stage}"
  enable_key_rotation     = true
  rotation_period_in_days = local.live ? 180 : 90
  deletion_window_in_days = 7
  policy                  = local.policy
  tags                    = { stage = var.stage }
}

resource "aws_kms_key" "spare" {
  is_enabled              = !local.live
  deletion_window_in_days = 7
}

resource "aws_kms_key" "signer" {
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 7
}

resource "aws_kms_key" "shared" {
  deletion_window_in_days = 7
}

resource "aws_kms_key" "multi" {
  multi_region            = true
  deletion_window_in_days = 7
}

resource "aws_kms_replica_key" "multi" {
  provider                = aws.ireland
  primary_key_arn         = aws_kms_key.multi.arn
  description             = "in Ireland, ${var.stage}"
  deletion_window_in_days = 7
  tags                    = { stage = var.stage }
}

resource "aws_kms_external_key" "own" {
  description             = "our material"
  key_material_base64     = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
  valid_to                = local.live ? var.expiry : null
  enabled                 = true
  deletion_window_in_days = 7
  tags                    = { stage = var.stage }
}

# Names, policies, grants.

resource "aws_kms_alias" "app" {
  name          = "alias/app"
  target_key_id = local.live ? aws_kms_key.shared.key_id : aws_kms_key.data.key_id
}

resource "aws_kms_alias" "prefixed" {
  name_prefix   = "alias/some-"
  target_key_id = aws_kms_key.data.key_id
}

resource "aws_kms_key_policy" "shared" {
  key_id = aws_kms_key.shared.id
  policy = local.policy
}

resource "aws_kms_grant" "app" {
  name              = "app-${var.stage}"
  key_id            = aws_kms_key.data.key_id
  grantee_principal = aws_iam_role.app.arn
  operations        = ["Encrypt", "Decrypt", "GenerateDataKey"]
  constraints {
    encryption_context_subset = { tenant = var.stage }
  }
}

resource "aws_kms_grant" "retired" {
  key_id             = aws_kms_key.data.key_id
  grantee_principal  = aws_iam_role.app.arn
  retiring_principal = aws_iam_role.app.arn
  operations         = ["DescribeKey"]
  retire_on_delete   = false
}

# What is encrypted.

resource "aws_kms_ciphertext" "password" {
  key_id    = aws_kms_key.data.key_id
  plaintext = "correct horse"
  context   = { purpose = "test" }
}

data "aws_kms_ciphertext" "again" {
  key_id    = aws_kms_key.data.key_id
  plaintext = "correct horse"
}

data "aws_kms_secrets" "opened" {
  secret {
    name    = "password"
    payload = aws_kms_ciphertext.password.ciphertext_blob
    context = { purpose = "test" }
  }
}

data "aws_kms_key" "data" {
  key_id     = aws_kms_alias.prefixed.arn
  depends_on = [aws_kms_key.data]
}

data "aws_kms_key" "own" {
  key_id     = aws_kms_external_key.own.id
  depends_on = [aws_kms_external_key.own]
}

data "aws_kms_key" "replica" {
  provider   = aws.ireland
  key_id     = aws_kms_replica_key.multi.key_id
  depends_on = [aws_kms_replica_key.multi]
}

data "aws_kms_alias" "app" {
  name       = aws_kms_alias.app.name
  depends_on = [aws_kms_alias.app]
}

data "aws_kms_public_key" "signer" {
  key_id = aws_kms_key.signer.arn
}

output "seen" {
  sensitive = true
  value = {
    password    = data.aws_kms_secrets.opened.plaintext["password"]
    encrypted   = length(data.aws_kms_ciphertext.again.ciphertext_blob) > 100
    description = data.aws_kms_key.data.description
    origin      = data.aws_kms_key.own.origin
    expires     = data.aws_kms_key.own.expiration_model
    replica     = data.aws_kms_key.replica.multi_region_configuration[0].primary_key[0].region
    alias       = data.aws_kms_alias.app.target_key_id == (local.live ? aws_kms_key.shared.key_id : aws_kms_key.data.key_id)
    pem         = startswith(data.aws_kms_public_key.signer.public_key_pem, "-----BEGIN PUBLIC KEY-----")
    algorithms  = data.aws_kms_public_key.signer.signing_algorithms
  }
}

# What `terraform import` takes.
output "ids" {
  value = {
    "aws_kms_key.data"          = aws_kms_key.data.key_id
    "aws_kms_alias.app"         = aws_kms_alias.app.name
    "aws_kms_grant.app"         = "${aws_kms_key.data.key_id}:${aws_kms_grant.app.grant_id}"
    "aws_kms_key_policy.shared" = aws_kms_key_policy.shared.key_id
    "aws_kms_replica_key.multi" = aws_kms_replica_key.multi.key_id
  }
}
