// A SAML identity provider, samlify, on a free port of 127.0.0.1: /metadata is its
// metadata, /login?user=…&role=… the SAMLResponse, in base64, that a browser
// would post. It prints its address. Arguments: the folder of packages, and the
// files of key, certificate and the service provider's certificate.
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';

const [, , packages, keyFile, certFile, spCertFile, recipient] = process.argv;
const require = createRequire(packages + '/package.json');
const samlify = require('samlify');
samlify.setSchemaValidator({ validate: async () => 'it reads nothing' });

const id = () => '_' + randomUUID();
const strip = (pem) => pem.replace(/-----[A-Z ]+-----|\s/g, '');
const awsAttribute = 'https://aws.amazon.com/SAML/Attributes/';

const template = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{ID}" Version="2.0" IssueInstant="{IssueInstant}" Destination="{Destination}">
  <saml:Issuer>{Issuer}</saml:Issuer>
  <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
  <saml:Assertion xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" ID="{AssertionID}" Version="2.0" IssueInstant="{IssueInstant}">
    <saml:Issuer>{Issuer}</saml:Issuer>
    <saml:Subject>
      <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{NameID}</saml:NameID>
      <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="{Later}" Recipient="{Destination}"/></saml:SubjectConfirmation>
    </saml:Subject>
    <saml:Conditions NotBefore="{IssueInstant}" NotOnOrAfter="{Later}"><saml:AudienceRestriction><saml:Audience>urn:amazon:webservices</saml:Audience></saml:AudienceRestriction></saml:Conditions>
    <saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="{ID}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
    <saml:AttributeStatement>
      <saml:Attribute Name="${awsAttribute}Role"><saml:AttributeValue xsi:type="xs:string">{Role}</saml:AttributeValue></saml:Attribute>
      <saml:Attribute Name="${awsAttribute}RoleSessionName"><saml:AttributeValue xsi:type="xs:string">{NameID}</saml:AttributeValue></saml:Attribute>
      <saml:Attribute Name="${awsAttribute}PrincipalTag:Team"><saml:AttributeValue xsi:type="xs:string">red</saml:AttributeValue></saml:Attribute>
      <saml:Attribute Name="urn:oid:1.3.6.1.4.1.5923.1.1.1.1"><saml:AttributeValue xsi:type="xs:string">staff</saml:AttributeValue></saml:Attribute>
    </saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>`;

function providers(encrypted, order) {
  const idp = samlify.IdentityProvider({
    entityID: 'urn:lab:idp', signingCert: strip(readFileSync(certFile, 'utf8')), privateKey: readFileSync(keyFile, 'utf8'),
    isAssertionEncrypted: encrypted, dataEncryptionAlgorithm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
    keyEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
    messageSigningOrder: order, generateID: id, requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    loginResponseTemplate: { context: template, attributes: [] },
    singleSignOnService: [{ Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', Location: 'https://idp.lab.example/sso' }],
  });
  const sp = samlify.ServiceProvider({
    entityID: 'urn:amazon:webservices', wantAssertionsSigned: true, wantMessageSigned: order === 'both',
    encryptCert: strip(readFileSync(spCertFile, 'utf8')),
    assertionConsumerService: [{ Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', Location: recipient }],
  });
  return { idp, sp };
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  try {
    const ask = (name) => url.searchParams.get(name) ?? '';
    const { idp, sp } = providers(ask('encrypt') === 'yes', ask('sign'));
    if (url.pathname === '/metadata') {
      response.end(idp.getMetadata());
      return;
    }
    const now = new Date();
    const { context } = await idp.createLoginResponse(sp, {}, 'post', {}, (text) => {
      const values = {
        ID: id(), AssertionID: id(), Issuer: 'urn:lab:idp', IssueInstant: now.toISOString(), Later: new Date(now.getTime() + 300000).toISOString(),
        Destination: recipient, NameID: ask('user'), Role: ask('role'),
      };
      return { id: values.ID, context: samlify.SamlLib.replaceTagsByValue(text, values) };
    }, ask('encrypt') === 'yes' && ask('sign') === 'both');
    response.end(context);
  } catch (err) {
    response.statusCode = 500;
    response.end(String(err.stack ?? err));
  }
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
