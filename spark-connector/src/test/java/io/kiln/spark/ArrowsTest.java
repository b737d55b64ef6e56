package io.kiln.spark;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The rooms of the connector and who may open whose door (ARCHITECTURE.md). */
@AnalyzeClasses(packages = "io.kiln.spark", importOptions = ImportOption.DoNotIncludeTests.class)
class ArrowsTest {
  @ArchTest
  static final ArchRule rooms_form_no_circle =
      slices().matching("io.kiln.spark.(**)").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule nothing_opens_the_command_line =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.kiln.spark.cli..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.kiln.spark.cli..", "picocli..");

  @ArchTest
  static final ArchRule a_barrier_job_does_not_know_what_its_ranks_do =
      noClasses()
          .that()
          .resideInAPackage("io.kiln.spark.barrier..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.kiln.spark.training..",
              "io.kiln.spark.output..",
              "io.kiln.spark.job..",
              "io.kiln.spark.console..");

  @ArchTest
  static final ArchRule sparks_own_messaging_is_used_in_one_room =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.kiln.spark.barrier..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.spark.rpc..");

  @ArchTest
  static final ArchRule names_say_what_a_thing_is =
      noClasses()
          .should()
          .haveSimpleNameEndingWith("Utils")
          .orShould()
          .haveSimpleNameEndingWith("Helper")
          .orShould()
          .haveSimpleNameEndingWith("Manager")
          .orShould()
          .haveSimpleNameEndingWith("Impl");
}
