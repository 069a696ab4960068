import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.util.VersionInfo;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.iam.model.AccessKey;
import software.amazon.awssdk.services.iam.model.EntityAlreadyExistsException;
import software.amazon.awssdk.services.iam.model.MalformedPolicyDocumentException;
import software.amazon.awssdk.services.iam.model.NoSuchEntityException;
import software.amazon.awssdk.services.iam.model.Tag;
import software.amazon.awssdk.services.iam.model.User;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.model.Credentials;

/** What every client here does, with the AWS SDK for Java 2. */
public class JavaClient {
    static void check(boolean ok, Object what) {
        if (!ok) throw new AssertionError(what);
    }

    /** The call must fail with this code. */
    static AwsServiceException refused(String code, Runnable call) {
        try {
            call.run();
        } catch (AwsServiceException e) {
            check(code.equals(e.awsErrorDetails().errorCode()), e);
            check(e.requestId() != null, e);
            return e;
        }
        throw new AssertionError("succeeded, want " + code);
    }

    static String statement(String action, String rest) {
        return "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"" + action + "\", " + rest + "}]}";
    }

    static IamClient iam(AwsCredentials c) {
        return IamClient.builder().credentialsProvider(StaticCredentialsProvider.create(c)).build();
    }

    static StsClient sts(AwsCredentials c) {
        return StsClient.builder().credentialsProvider(StaticCredentialsProvider.create(c)).build();
    }

    public static void main(String[] args) {
        IamClient root = IamClient.builder().build();

        // A user, made once.
        String value = "Ålice + ünd 100";
        User alice = root.createUser(r -> r.userName("alice").tags(Tag.builder().key("näme").value(value).build())).user();
        check(alice.arn().equals("arn:aws:iam::000000000000:user/alice"), alice);
        check(alice.createDate() != null, alice);
        try {
            root.createUser(r -> r.userName("alice"));
            throw new AssertionError("a second alice");
        } catch (EntityAlreadyExistsException e) {
            check(e.awsErrorDetails().errorMessage().equals("User with name alice already exists."), e);
        }
        try {
            root.getUser(r -> r.userName("bob"));
            throw new AssertionError("there is no bob");
        } catch (NoSuchEntityException e) {
            check(e.statusCode() == 404, e);
        }
        check(root.waiter().waitUntilUserExists(r -> r.userName("alice")).matched().response().isPresent(), "waiter");
        check(root.getUser(r -> r.userName("alice")).user().tags().get(0).value().equals(value), "tag");

        // Denied, then allowed by a policy, then denied again.
        AccessKey k = root.createAccessKey(r -> r.userName("alice")).accessKey();
        AwsCredentials key = AwsBasicCredentials.create(k.accessKeyId(), k.secretAccessKey());
        IamClient iam = iam(key);
        AwsServiceException denied = refused("AccessDenied", iam::listUsers);
        check(denied.statusCode() == 403, denied);
        check(denied.awsErrorDetails().errorMessage().startsWith("User: " + alice.arn() + " is not authorized to perform: iam:ListUsers "), denied);
        String policy = root.createPolicy(r -> r.policyName("look").policyDocument(statement("iam:ListUsers", "\"Resource\": \"*\""))).policy().arn();
        root.attachUserPolicy(r -> r.userName("alice").policyArn(policy));
        List<String> names = iam.listUsers().users().stream().map(User::userName).collect(Collectors.toList());
        check(names.equals(List.of("alice")), names);
        String document = URLDecoder.decode(root.getPolicyVersion(r -> r.policyArn(policy).versionId("v1")).policyVersion().document(), StandardCharsets.UTF_8);
        check(document.contains("\"iam:ListUsers\""), document);
        root.detachUserPolicy(r -> r.userName("alice").policyArn(policy));
        refused("AccessDenied", iam::listUsers);
        try {
            root.createPolicy(r -> r.policyName("bad").policyDocument("{\"Statement\": 1}"));
            throw new AssertionError("a bad policy");
        } catch (MalformedPolicyDocumentException e) {
            check(e.statusCode() == 400, e);
        }

        // A role, assumed.
        String trust = statement("sts:AssumeRole", "\"Principal\": {\"AWS\": \"" + alice.arn() + "\"}");
        root.createRole(r -> r.roleName("reader").assumeRolePolicyDocument(trust));
        root.attachRolePolicy(r -> r.roleName("reader").policyArn(policy));
        Credentials c = sts(key).assumeRole(r -> r.roleArn("arn:aws:iam::000000000000:role/reader").roleSessionName("java")).credentials();
        AwsCredentials session = AwsSessionCredentials.create(c.accessKeyId(), c.secretAccessKey(), c.sessionToken());
        String arn = sts(session).getCallerIdentity().arn();
        check(arn.equals("arn:aws:sts::000000000000:assumed-role/reader/java"), arn);
        check(iam(session).listUsers().users().size() == 1, "session");
        refused("AccessDenied", () -> iam(session).createUser(r -> r.userName("mallory")));
        refused("AccessDenied", () -> sts(key).assumeRole(r -> r.roleArn("arn:aws:iam::000000000000:role/nobody").roleSessionName("java")));

        // Pages.
        for (int i = 0; i < 12; i++) {
            String name = "user-" + i;
            root.createUser(r -> r.userName(name).path("/pages/"));
        }
        Set<String> ids = new HashSet<>();
        long pages = root.listUsersPaginator(r -> r.pathPrefix("/pages/").maxItems(5)).stream()
                .peek(p -> p.users().forEach(u -> ids.add(u.userId()))).count();
        check(pages == 3 && ids.size() == 12, pages + " pages, " + ids.size() + " users");

        // Who is not known.
        refused("InvalidClientTokenId", () -> sts(AwsBasicCredentials.create("AKIAIOSFODNN7EXAMPLE", "x")).getCallerIdentity());
        refused("SignatureDoesNotMatch", () -> sts(AwsBasicCredentials.create(k.accessKeyId(), "x")).getCallerIdentity());
        System.out.println("the AWS SDK for Java " + VersionInfo.SDK_VERSION + " is content");
    }
}
