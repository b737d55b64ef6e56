package io.kiln.spark.store;

import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.file.AccessDeniedException;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.hadoop.security.AccessControlException;

/**
 * A store that refuses, is full or does not answer: one line that says what, where and the mend.
 */
public final class StoreException extends IOException {
  private static final long serialVersionUID = 1;
  private static final int LONGEST = 300;

  private static final Pattern LAYERS =
      Pattern.compile("^.*?software\\.amazon\\.awssdk\\.[\\w.]+: ");
  private static final Pattern FOOTNOTES =
      Pattern.compile("( \\((Service: |SDK Attempt)|; For more details see:).*$");

  private StoreException(String line, Throwable cause) {
    super(line, cause);
  }

  /**
   * Tells an error of the file system.
   *
   * @param done what could not be: "written", "read" …
   * @param where file or folder, with its scheme
   */
  public static StoreException of(String done, Object where, Throwable cause) {
    boolean s3 = where.toString().startsWith("s3");
    return new StoreException(where + " cannot be " + done + ": " + reason(cause, s3), cause);
  }

  private static String reason(Throwable error, boolean s3) {
    Throwable link = error;
    for (int depth = 0; link != null && depth < 12; depth++, link = link.getCause()) {
      Optional<String> known = known(link, s3);
      if (known.isPresent()) {
        return known.get();
      }
    }
    return said(error);
  }

  /** Classes of S3A, the SDK and HDFS go by name: none of them is on the path of a compilation. */
  private static Optional<String> known(Throwable error, boolean s3) {
    String kind = error.getClass().getSimpleName();
    String message = String.valueOf(error.getMessage());
    String reason = null;
    if (error instanceof AccessDeniedException
        || error instanceof AccessControlException
        || isOneOf(kind, "CredentialInitializationException", "NoAuthWithAWSException")) {
      reason =
          "the store refuses ("
              + said(error)
              + "); "
              + (s3
                  ? "check the credentials of this job (spark.hadoop.fs.s3a.access.key and"
                      + " .secret.key, or its role) and their rights on the bucket"
                  : "give the user of this job the rights on it, or run it as another");
    } else if (kind.endsWith("QuotaExceededException")
        || kind.equals("DiskOutOfSpaceException")
        || message.contains("No space left on device")
        || message.contains("EntityTooLarge")
        || message.contains("could only be written to 0 of")) {
      reason =
          "there is no room in the store ("
              + said(error)
              + "); free some, raise the quota, or keep fewer checkpoints";
    } else if (kind.equals("UnknownStoreException")) {
      reason = "there is no such bucket; make it, or correct its name";
    } else if (kind.equals("UnsupportedFileSystemException")
        || message.contains("ClassNotFoundException")) {
      reason =
          said(error)
              + "; use hdfs://, s3a://, or a scheme whose connector is on Spark's class path";
    } else if (error instanceof SocketException
        || error instanceof SocketTimeoutException
        || error instanceof UnknownHostException
        || error instanceof EOFException // The other end has hung up.
        || isOneOf(
            kind,
            "AWSClientIOException",
            "AWSApiCallTimeoutException",
            "ApiCallTimeoutException",
            "ApiCallAttemptTimeoutException",
            "NoHttpResponseException")) {
      reason =
          "the store does not answer ("
              + said(error)
              + "); check that it is up and reachable from this machine, and its address"
              + (s3 ? " (spark.hadoop.fs.s3a.endpoint)" : "");
    }
    return Optional.ofNullable(reason);
  }

  private static boolean isOneOf(String kind, String... kinds) {
    return Arrays.asList(kinds).contains(kind);
  }

  /**
   * The first line of a message without the layers that S3A and the SDK wrap it in, or what the
   * class says where that alone would not do.
   */
  private static String said(Throwable error) {
    String first =
        String.valueOf(error.getMessage()).strip().lines().findFirst().orElse("").strip();
    first = LAYERS.matcher(first).replaceFirst("");
    first = FOOTNOTES.matcher(first).replaceFirst("").strip();
    if (first.length() > LONGEST) {
      first = first.substring(0, LONGEST) + "…";
    }
    String kind = error.getClass().getSimpleName();
    if (first.isEmpty() || first.equals("null")) {
      return kind;
    }
    return error instanceof FileNotFoundException
            || error instanceof UnknownHostException
            || error instanceof InterruptedIOException
        ? kind + ": " + first
        : first;
  }
}
