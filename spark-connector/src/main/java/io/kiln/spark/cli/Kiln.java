package io.kiln.spark.cli;

public final class Kiln {
  public static void main(String[] a) {
    System.out.println(String.join(" ", a));
  }
}
