package io.kiln.datasource;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The rooms of this module and who may open whose door. */
@AnalyzeClasses(
    packages = "io.kiln.datasource",
    importOptions = ImportOption.DoNotIncludeTests.class)
class ArrowsTest {
  @ArchTest
  static final ArchRule arrows_point_one_way =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .layer("corpus")
          .definedBy("io.kiln.datasource.corpus..")
          .layer("rank")
          .definedBy("io.kiln.datasource.rank..")
          .layer("packing")
          .definedBy("io.kiln.datasource.packing..")
          .layer("lanes")
          .definedBy("io.kiln.datasource.lanes..")
          .layer("tokenizer")
          .definedBy("io.kiln.datasource.tokenizer..")
          .whereLayer("corpus")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("rank")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("packing")
          .mayOnlyBeAccessedByLayers("corpus", "rank")
          .whereLayer("lanes")
          .mayOnlyBeAccessedByLayers("packing", "rank")
          .whereLayer("tokenizer")
          .mayOnlyBeAccessedByLayers("corpus");

  @ArchTest
  static final ArchRule ranks_get_their_data_without_spark =
      noClasses()
          .that()
          .resideInAnyPackage(
              "io.kiln.datasource.lanes..",
              "io.kiln.datasource.packing..",
              "io.kiln.datasource.rank..",
              "io.kiln.datasource.tokenizer..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.spark..", "scala..");
}
