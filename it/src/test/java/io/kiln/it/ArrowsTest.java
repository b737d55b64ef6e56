package io.kiln.it;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Set;

/** The rooms of this module and which doors of the others they open. */
@AnalyzeClasses(packages = "io.kiln.it", importOptions = ImportOption.DoNotIncludeTests.class)
class ArrowsTest {
  /** What of the command line is meant for other command lines too. */
  private static final Set<String> SHARED =
      Set.of("io.kiln.spark.cli.HadoopOptions", "io.kiln.spark.cli.OneLineErrors");

  @ArchTest
  static final ArchRule rooms_form_no_circle =
      slices().matching("io.kiln.it.(**)").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule benchmarks_run_kiln_and_do_not_reach_into_its_command_line =
      noClasses()
          .should()
          .dependOnClassesThat(
              DescribedPredicate.describe(
                  "belong to Kiln's own command line",
                  (JavaClass one) ->
                      one.getPackageName().startsWith("io.kiln.spark.cli")
                          && !SHARED.contains(one.getName())));

  @ArchTest
  static final ArchRule the_floor_is_not_built_from_what_it_is_compared_with =
      noClasses()
          .that()
          .haveSimpleName("FloorLoop")
          .or()
          .haveSimpleName("ZeroPaper")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.kiln.engine.train..",
              "io.kiln.engine.zero..",
              "io.kiln.engine.model..",
              "io.kiln.engine.optim..");

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
