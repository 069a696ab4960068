// What a program on a host does with the AWS SDK for JavaScript v3: it says
// nothing about credentials.
// usage: node host_client.mjs FOLDER-WITH-node_modules ROLE; for each line on
// standard input it makes the calls and prints the id of the access key.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

const require = createRequire(path.join(process.argv[2], "package.json"));
const { IAM } = require("@aws-sdk/client-iam");
const { STS } = require("@aws-sdk/client-sts");
const role = process.argv[3];
const iam = new IAM({}), sts = new STS({});
for await (const _ of readline.createInterface({ input: process.stdin })) {
  const { Arn } = await sts.getCallerIdentity({});
  assert.ok(Arn.includes(`:assumed-role/${role}/`), Arn);
  assert.equal((await iam.getRole({ RoleName: role })).Role.RoleName, role);
  await assert.rejects(iam.listUsers({}), { name: "AccessDenied" });
  console.log((await iam.config.credentials()).accessKeyId);
}
