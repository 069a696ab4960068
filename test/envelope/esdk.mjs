// Encrypts or decrypts a file with the AWS Encryption SDK for JavaScript, as a
// stream. The file's encryption context is printed.
// usage: node esdk.mjs FOLDER-WITH-node_modules encrypt|decrypt FROM TO {generator, keys, context}
import { createRequire } from "node:module";
import { createReadStream, createWriteStream } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";

const [folder, verb, from, to, settings] = process.argv.slice(2);
const { buildClient, CommitmentPolicy, KmsKeyringNode } = createRequire(path.join(folder, "package.json"))("@aws-crypto/client-node");
const { generator, keys, context } = JSON.parse(settings);

const { encryptStream, decryptStream } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
const keyring = new KmsKeyringNode({ generatorKeyId: generator, keyIds: keys });
const middle = verb === "encrypt" ? encryptStream(keyring, { encryptionContext: context }) : decryptStream(keyring);
middle.on("MessageHeader", (header) => console.log(JSON.stringify({ ...header.encryptionContext })));
await pipeline(createReadStream(from), middle, createWriteStream(to));
