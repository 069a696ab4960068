import java.io.BufferedReader;
import java.io.InputStreamReader;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.sts.StsClient;

/**
 * What a program on a host does with the AWS SDK for Java 2: it says nothing about credentials. Its argument is the role; for
 * each line on standard input it makes the calls and prints the id of the access key.
 */
public class HostClient {
    public static void main(String[] args) throws Exception {
        String role = args[0];
        DefaultCredentialsProvider credentials = DefaultCredentialsProvider.builder().build();
        IamClient iam = IamClient.builder().credentialsProvider(credentials).build();
        StsClient sts = StsClient.builder().credentialsProvider(credentials).build();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        while (in.readLine() != null) {
            String arn = sts.getCallerIdentity().arn();
            if (!arn.contains(":assumed-role/" + role + "/")) throw new AssertionError(arn);
            iam.getRole(r -> r.roleName(role));
            try {
                iam.listUsers();
                throw new AssertionError("listUsers succeeded");
            } catch (AwsServiceException e) {
                if (!"AccessDenied".equals(e.awsErrorDetails().errorCode())) throw e;
            }
            System.out.println(credentials.resolveCredentials().accessKeyId());
        }
    }
}
