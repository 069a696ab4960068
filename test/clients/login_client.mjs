// The AWS SDK for JavaScript, going on with a session of `aws login` that has
// to be refreshed: prints whose it is.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "node_modules", "x.js"));
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
const { fromLoginCredentials } = require("@aws-sdk/credential-provider-login");

const sts = new STSClient({ region: "us-east-1", credentials: fromLoginCredentials({ profile: "dev" }) });
console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);
