// What every client here does, with the AWS SDK for JavaScript v3.
// usage: node javascript_client.mjs FOLDER-WITH-node_modules
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.argv[2], "package.json"));
const { IAM, EntityAlreadyExistsException, MalformedPolicyDocumentException, NoSuchEntityException, paginateListUsers, waitUntilUserExists } = require("@aws-sdk/client-iam");
const { STS } = require("@aws-sdk/client-sts");
const { CloudTrail } = require("@aws-sdk/client-cloudtrail");

const statement = (effect, action, rest) => JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: effect, Action: action, ...rest }] });
const credentials = (k) => ({ accessKeyId: k.AccessKeyId, secretAccessKey: k.SecretAccessKey, sessionToken: k.SessionToken });
const refused = (name) => (e) => {
  assert.equal(e.name, name, `${e}`);
  assert.ok(e.$metadata.requestId);
  return true;
};

const root = new IAM({});

// A user, made once.
const { User: alice } = await root.createUser({ UserName: "alice", Tags: [{ Key: "näme", Value: "Ålice + ünd 100" }] });
assert.equal(alice.Arn, "arn:aws:iam::000000000000:user/alice");
assert.ok(alice.CreateDate instanceof Date);
await assert.rejects(root.createUser({ UserName: "alice" }), (e) => e instanceof EntityAlreadyExistsException && e.message === "User with name alice already exists.");
await assert.rejects(root.getUser({ UserName: "bob" }), (e) => e instanceof NoSuchEntityException && e.$metadata.httpStatusCode === 404);
const waited = await waitUntilUserExists({ client: root, maxWaitTime: 5 }, { UserName: "alice" });
assert.equal(waited.state, "SUCCESS");
assert.equal((await root.getUser({ UserName: "alice" })).User.Tags[0].Value, "Ålice + ünd 100");

// Denied, then allowed by a policy, then denied again.
const { AccessKey: key } = await root.createAccessKey({ UserName: "alice" });
const iam = new IAM({ credentials: credentials(key) });
await assert.rejects(iam.listUsers({}), (e) => {
  assert.match(e.message, /^User: arn:aws:iam::000000000000:user\/alice is not authorized to perform: iam:ListUsers /);
  assert.equal(e.$metadata.httpStatusCode, 403);
  return refused("AccessDenied")(e);
});
const { Policy: policy } = await root.createPolicy({ PolicyName: "look", PolicyDocument: statement("Allow", "iam:ListUsers", { Resource: "*" }) });
await root.attachUserPolicy({ UserName: "alice", PolicyArn: policy.Arn });
assert.deepEqual((await iam.listUsers({})).Users.map((u) => u.UserName), ["alice"]);
const { PolicyVersion: version } = await root.getPolicyVersion({ PolicyArn: policy.Arn, VersionId: "v1" });
assert.equal(JSON.parse(decodeURIComponent(version.Document)).Statement[0].Action, "iam:ListUsers");
await root.detachUserPolicy({ UserName: "alice", PolicyArn: policy.Arn });
await assert.rejects(iam.listUsers({}), refused("AccessDenied"));
await assert.rejects(root.createPolicy({ PolicyName: "bad", PolicyDocument: '{"Statement": 1}' }), (e) => e instanceof MalformedPolicyDocumentException);

// A role, assumed.
await root.createRole({ RoleName: "reader", AssumeRolePolicyDocument: statement("Allow", "sts:AssumeRole", { Principal: { AWS: alice.Arn } }) });
await root.attachRolePolicy({ RoleName: "reader", PolicyArn: policy.Arn });
const sts = new STS({ credentials: credentials(key) });
const { Credentials: temporary } = await sts.assumeRole({ RoleArn: "arn:aws:iam::000000000000:role/reader", RoleSessionName: "js" });
assert.equal((await new STS({ credentials: credentials(temporary) }).getCallerIdentity({})).Arn, "arn:aws:sts::000000000000:assumed-role/reader/js");
assert.equal((await new IAM({ credentials: credentials(temporary) }).listUsers({})).Users.length, 1);
await assert.rejects(new IAM({ credentials: credentials(temporary) }).createUser({ UserName: "mallory" }), refused("AccessDenied"));
await assert.rejects(sts.assumeRole({ RoleArn: "arn:aws:iam::000000000000:role/nobody", RoleSessionName: "js" }), refused("AccessDenied"));

// Pages.
for (let i = 0; i < 12; i++) await root.createUser({ UserName: `user-${i}`, Path: "/pages/" });
const sizes = [], ids = new Set();
for await (const page of paginateListUsers({ client: root, pageSize: 5 }, { PathPrefix: "/pages/" })) {
  sizes.push(page.Users.length);
  page.Users.forEach((u) => ids.add(u.UserId));
}
assert.deepEqual(sizes, [5, 5, 2]);
assert.equal(ids.size, 12);

// Who is not known.
await assert.rejects(new STS({ credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "x" } }).getCallerIdentity({}), refused("InvalidClientTokenId"));
await assert.rejects(new STS({ credentials: { ...credentials(key), secretAccessKey: "x" } }).getCallerIdentity({}), refused("SignatureDoesNotMatch"));

// The record.
const { Events: events } = await new CloudTrail({}).lookupEvents({ LookupAttributes: [{ AttributeKey: "Username", AttributeValue: "alice" }] });
for (const name of ["ListUsers", "AssumeRole"]) assert.ok(events.some((e) => e.EventName === name), name);
console.log("the AWS SDK for JavaScript", require("@aws-sdk/client-iam/package.json").version, "is content");
